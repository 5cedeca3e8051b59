"""A record that does not fit its type at once: understood as far as it goes, with what is wrong about it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from domain.documents.instants import read_instant
from domain.documents.kinds import EPOCH

if TYPE_CHECKING:
    from domain.documents.kinds import Field, Kind


class Mended(NamedTuple):
    """A record with stand-ins where something is missing, and whether it fits the schema and has what is required."""

    record: Any
    conforms: bool
    complete: bool


class NoRecordError(Exception):
    """Not JSON, not an object, or without an id; `field` names what is missing, None when nothing could be read."""

    def __init__(self, problem: str, field: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.field = field


def mend(kind: Kind, line: bytes) -> Mended:
    """Read a record field by field. Raises NoRecordError."""
    given = _renamed(kind, _object(line))
    values: dict[str, Any] = {}
    conforms = complete = True
    for each in kind.fields:
        value = given.get(each.name)
        if value is None and not each.required:
            continue
        if each.name in kind.identifiers:
            values[each.name], fits = _identifier(each, value)
        elif each.plain is datetime:
            values[each.name], fits = _instant(value)
        else:
            values[each.name], fits = _plain(kind, each, value)
        conforms &= fits
        complete &= not (each.required and _blank(value))
    return Mended(kind.record(**values), conforms, complete)


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(line)
    except UnicodeDecodeError:
        raise NoRecordError("is not UTF-8") from None
    except msgspec.DecodeError as error:
        if "truncated" in str(error) and line.rstrip().endswith(b"}"):
            raise NoRecordError("holds half of a surrogate pair, or ends early") from None
        raise NoRecordError(f"is not JSON: {_reason(error)}") from None
    except RecursionError:
        raise NoRecordError("is nested too deeply") from None
    if not isinstance(found, dict):
        raise NoRecordError("is not a JSON object")
    return found


def _reason(error: msgspec.DecodeError) -> str:
    """What msgspec found, which names bytes and never content."""
    return str(error).removeprefix("JSON is malformed: ")


def _renamed(kind: Kind, found: dict[str, Any]) -> dict[str, Any]:
    names = {name: kind.spellings.get(name.lower(), name) for name in found}
    return {
        names[name]: value for name, value in found.items() if names[name] == name or names[name] not in found
    }


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _identifier(each: Field, value: object) -> tuple[str, bool]:
    fits = isinstance(value, str)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise NoRecordError(f"has no {each.name}", each.name)
    try:
        return msgspec.convert(value, each.type), fits
    except msgspec.ValidationError:
        raise NoRecordError(f"has too long a {each.name}", each.name) from None


def _instant(value: object) -> tuple[datetime, bool]:
    """A text that is no instant fits the schema; that it is none is the timestamps' check to say."""
    fits = isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""
    return read_instant(value) or EPOCH, fits


def _plain(kind: Kind, each: Field, value: object) -> tuple[Any, bool]:
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
