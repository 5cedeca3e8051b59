"""Repair of a record that is not spelt or typed as its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from domain.content.documents.kinds import Reads, is_blank, is_one_line
from domain.content.documents.repair.values import Fault, ValueReader
from domain.model import convert_plain, decode_json, quote_foreign

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.content.documents.kinds import CollectedField, Field, NamePlan, RecordKind
    from domain.content.documents.repair.timestamps import DateOrders


_SHOWN: Final = 6
_TOO_MANY_DIGITS: Final = "out of range"
_ONE_LINE: Final = "a text of one line"


class RepairedRecord(NamedTuple):
    """Repaired record, with stand-ins for missing values, and its faults.

    `ambiguous` says whether a date in it may have the day or the month first, and no order is decided yet.
    """

    record: Any
    faults: tuple[Fault, ...]
    ambiguous: bool = False


class InvalidRecordError(Exception):
    """The record is not JSON, not an object, or has no id. `field` names the missing field, None without any."""

    def __init__(self, problem: str, field: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.field = field


def parse_members(line: bytes) -> dict[str, Any]:
    """The members of a record. Raises InvalidRecordError when it is not a JSON object."""
    try:
        value = _decode_record(line)
    except UnicodeDecodeError:
        raise InvalidRecordError("is not UTF-8") from None
    except msgspec.DecodeError as error:
        # msgspec calls half of a surrogate pair "truncated" too.
        if "truncated" in str(error) and line.rstrip().endswith(b"}"):
            raise InvalidRecordError("holds half of a surrogate pair, or ends early") from None
        raise InvalidRecordError(f"is not JSON: {_decode_error_reason(error)}") from None
    except RecursionError:
        raise InvalidRecordError("is nested too deeply") from None
    if value is None:
        raise InvalidRecordError("is null: take it out")
    if not isinstance(value, dict):
        raise InvalidRecordError("is not a JSON object")
    return value


def repair_record(
    kind: RecordKind,
    members: Mapping[str, Any],
    plan: NamePlan,
    orders: DateOrders | None = None,
) -> RepairedRecord:
    """Read a record field by field. Raises InvalidRecordError for one without an id.

    Args:
        kind: the kind of the record.
        members: its members, as the file spells them.
        plan: the plan for their names.
        orders: the order of numeric dates by field, once it is decided; None while it is not.
    """
    if plan.only is not None:
        try:
            record = convert_plain({field: members[name] for field, name in plan.only}, kind.record)
        except msgspec.ValidationError:
            pass
        else:
            if kind.is_plain(record):
                return RepairedRecord(record, ())
    given = plan.collect_fields(members)
    reader = ValueReader(orders)
    values: dict[str, Any] = {}
    for each in kind.fields:
        found = given.get(each.name)
        if each.required and found is not None and found.rival is not None:
            reader.faults.append(_rivalry(each, found))
        if each.reads is Reads.ID:
            values[each.name] = _read_identifier(each, found, reader, plan)
        elif found is None or is_blank(found.value):
            values[each.name] = _stand_in(kind, each, found, reader)
        else:
            value = reader.read(each, found.value)
            values[each.name] = kind.stand_ins.get(each.name, _empty(each)) if value is None else value
    return RepairedRecord(kind.record(**values), tuple(reader.faults), reader.ambiguous)


def _decode_record(line: bytes) -> Any:  # noqa: ANN401 - a record may be any JSON
    """A record as JSON, with the digits of a number as text where it has more of them than a number may have."""
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        if _TOO_MANY_DIGITS not in str(error):
            raise
    try:
        members = decode_json(line, dict[str, msgspec.Raw])
    except msgspec.ValidationError:  # it is no object
        return [line]
    return {name: _decode_member(bytes(raw)) for name, raw in members.items()}


def _decode_member(raw: bytes) -> Any:  # noqa: ANN401 - a member may be any JSON
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return raw.decode()


def _decode_error_reason(error: msgspec.DecodeError) -> str:
    """The reason that msgspec gives; it names byte positions, never content."""
    return str(error).removeprefix("JSON is malformed: ")


def _read_identifier(each: Field, found: CollectedField | None, reader: ValueReader, plan: NamePlan) -> str:
    if found is None:
        raise InvalidRecordError(f"has no {each.name}{_show_names(plan)}", each.name)
    value = found.value
    if isinstance(value, (bool, dict, list)) or is_blank(value):
        raise InvalidRecordError(f"has no {each.name}", each.name)
    if isinstance(value, float) and not value.is_integer():
        # JSON's numbers lose their zeros at the end, so that this may be no longer the id that was written.
        reader.faults.append(
            Fault("schema_conformity", each.name, "is a number with a fraction", value, each.reads.value)
        )
    text = reader.read(each, value)
    if text is None:
        raise InvalidRecordError(
            f"has the {each.name} {quote_foreign(str(value))} of {len(str(value))} characters; "
            f"it may have at most {each.longest}",
            each.name,
        )
    if not is_one_line(text):
        reader.faults.append(
            Fault("schema_conformity", each.name, "has a line end or control character", text, _ONE_LINE)
        )
    return str(text)


def _show_names(plan: NamePlan) -> str:
    """The names in a record that nothing reads: its id may have one of them, or lie deeper."""
    names = [name for name in plan.unread if name.strip()]
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f", and nothing reads {', '.join(map(quote_foreign, names[:_SHOWN]))}{more}"


def _rivalry(each: Field, found: CollectedField) -> Fault:
    return Fault(
        "schema_conformity",
        each.name,
        "has another value under a name of the same meaning",
        found.rival,
        "one of the two names, or the same value in both",
    )


def _stand_in(kind: RecordKind, each: Field, found: CollectedField | None, reader: ValueReader) -> object:
    """The value of a field that is missing or blank, which is a fault where the kind wants one."""
    if each.required and (found is None or not each.nullable):
        problem = "is missing" if found is None else "is empty"
        reader.faults += [
            Fault(check, each.name, problem, None, each.reads.value)
            for check in ("completeness", "schema_conformity")
        ]
    return kind.stand_ins.get(each.name, _empty(each))


def _empty(each: Field) -> object:
    if each.nullable:
        return None
    return 0 if each.reads is Reads.COUNT else ""
