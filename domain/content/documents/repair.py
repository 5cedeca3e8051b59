"""Repair of a record that does not fit its type: as much as possible is parsed, and its faults are named."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from domain.content.documents.kinds import EPOCH
from domain.content.documents.timestamps import parse_timestamp

if TYPE_CHECKING:
    from domain.content.documents.kinds import Field, RecordKind


class RepairedRecord(NamedTuple):
    """Repaired record, with stand-ins for missing values; whether it conforms to the schema and is complete."""

    record: Any
    conforms: bool
    complete: bool


class InvalidRecordError(Exception):
    """The record is not JSON, not an object, or has no id. `field` names the missing field, None without any."""

    def __init__(self, problem: str, field: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.field = field


def repair_record(kind: RecordKind, line: bytes) -> RepairedRecord:
    """Parse a record field by field. Raises InvalidRecordError."""
    given = _normalize_field_names(kind, _parse_object(line))
    values: dict[str, Any] = {}
    conforms = complete = True
    for each in kind.fields:
        value = given.get(each.name)
        if value is None and not each.required:
            continue
        if each.name in kind.identifiers:
            values[each.name], valid = _convert_identifier(each, value)
        elif each.plain is datetime:
            values[each.name], valid = _convert_timestamp(value)
        else:
            values[each.name], valid = _convert_value(kind, each, value)
        conforms &= valid
        complete &= not (each.required and _is_blank(value))
    return RepairedRecord(kind.record(**values), conforms, complete)


def _parse_object(line: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(line)
    except UnicodeDecodeError:
        raise InvalidRecordError("is not UTF-8") from None
    except msgspec.DecodeError as error:
        # msgspec calls half of a surrogate pair "truncated" too.
        if "truncated" in str(error) and line.rstrip().endswith(b"}"):
            raise InvalidRecordError("holds half of a surrogate pair, or ends early") from None
        raise InvalidRecordError(f"is not JSON: {_decode_error_reason(error)}") from None
    except RecursionError:
        raise InvalidRecordError("is nested too deeply") from None
    if not isinstance(value, dict):
        raise InvalidRecordError("is not a JSON object")
    return value


def _decode_error_reason(error: msgspec.DecodeError) -> str:
    """The reason that msgspec gives; it names byte positions, never content."""
    return str(error).removeprefix("JSON is malformed: ")


def _normalize_field_names(kind: RecordKind, given: dict[str, Any]) -> dict[str, Any]:
    names = {name: kind.spellings.get(name.lower(), name) for name in given}
    return {
        names[name]: value for name, value in given.items() if names[name] == name or names[name] not in given
    }


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _convert_identifier(each: Field, value: object) -> tuple[str, bool]:
    valid = isinstance(value, str)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise InvalidRecordError(f"has no {each.name}", each.name)
    try:
        return msgspec.convert(value, each.type), valid
    except msgspec.ValidationError:
        raise InvalidRecordError(f"has too long a {each.name}", each.name) from None


def _convert_timestamp(value: object) -> tuple[datetime, bool]:
    """Any non-empty text or number conforms to the schema; the check of timestamps rejects what is no instant."""
    valid = isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""
    return parse_timestamp(value) or EPOCH, valid


def _convert_value(kind: RecordKind, each: Field, value: object) -> tuple[Any, bool]:
    if each.plain is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        return msgspec.convert(value, each.type), True
    except msgspec.ValidationError:
        pass
    if each.plain is str and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value), False
    if not each.required:
        return None, False
    return kind.stand_ins.get(each.name, each.plain()), False
