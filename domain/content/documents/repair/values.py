"""Values of a record: each is read as its field wants it, or its fault is named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from domain.content.documents.kinds import MAX_COUNT, Reads, is_blank, is_web_address, normalize_name
from domain.content.documents.repair.people import person_text
from domain.content.documents.repair.timestamps import (
    parse_numeric_date,
    parse_timestamp,
    timestamp_problem,
)

if TYPE_CHECKING:
    from datetime import datetime

    from domain.content.documents.kinds import Field
    from domain.content.documents.repair.timestamps import DateOrders

_WHOLE: Final = re.compile(r"\s*\+?([0-9]{1,15})(?:\.0*)?\s*", re.ASCII)
_TEXT_MEMBERS: Final = ("login", "key", "displayname", "name", "value")
"""The member that stands for an object where a text is wanted, as in `{"status": {"name": "Open"}}`."""


class Fault(NamedTuple):
    """Fault of one field: the check that counts it, what is wrong, the value, and what is expected.

    `value` is as the source has it: whoever shows it makes it printable and short.
    """

    check: str
    field: str
    problem: str
    value: Any = None
    expected: str | None = None


class ValueReader:
    """Reader of one record's values, which collects their faults.

    `orders` are the decided orders of numeric dates by field; while they are None, `ambiguous` says that a date needs
    one.
    """

    def __init__(self, orders: DateOrders | None) -> None:
        self._orders = orders
        self.faults: list[Fault] = []
        self.ambiguous = False

    # Any, because the result is of the type of the field.
    def read(self, each: Field, value: object) -> Any:  # noqa: ANN401
        """The value as the field wants it; None when it cannot be read so, which is a fault."""
        if isinstance(value, list) and each.reads is not Reads.TEXTS:
            value = _only_member(value)
        match each.reads:
            case Reads.INSTANT:
                return self._read_instant(each, value)
            case Reads.COUNT:
                found: Any = _read_count(value)
            case Reads.TEXTS:
                found = _read_texts(value)
            case Reads.ADDRESS:
                found = _read_address(value)
            case Reads.PERSON:
                found = person_text(value) if isinstance(value, dict) else _read_text(value)
            case _:
                found = _read_text(value)
        if found is not None and (each.longest is None or len(found) <= each.longest):
            return found
        self.faults.append(
            Fault("schema_conformity", each.name, f"is not {each.reads.value}", value, each.reads.value)
        )
        return None

    def _read_instant(self, each: Field, value: object) -> datetime | None:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            self.faults.append(
                Fault("schema_conformity", each.name, "is no text or number", value, each.reads.value)
            )
            return None
        numeric = parse_numeric_date(value)
        if numeric and numeric.is_ambiguous and self._orders is None:
            self.ambiguous = True
            return None
        found = parse_timestamp(value, (self._orders or {}).get(each.name))
        if found is None:
            self.faults.append(
                Fault("timestamps", each.name, timestamp_problem(value), value, each.reads.value)
            )
        return found


def _read_text(value: object) -> str | None:
    if isinstance(value, dict):
        if value.get("type") == "doc":  # rich text of Atlassian, whose JSON the document makes readable
            return msgspec.json.encode(value).decode()
        members = {normalize_name(name): each for name, each in value.items()}
        value = next((members[each] for each in _TEXT_MEMBERS if isinstance(members.get(each), str)), None)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def _read_address(value: object) -> str | None:
    text = (_read_text(value) or "").strip()
    return text if is_web_address(text) else None


def _read_count(value: object) -> int | None:
    if isinstance(value, dict):  # a connection of GraphQL
        members = {normalize_name(name): each for name, each in value.items()}
        value = members.get("totalcount")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= MAX_COUNT else None
    whole = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    return int(whole[1]) if whole else None


def _read_texts(value: object) -> tuple[str, ...] | None:
    if isinstance(value, str):
        value = value.split(";" if ";" in value else ",")
    elif not isinstance(value, list):
        value = [value]
    texts = [_read_text(each) for each in value if not is_blank(each)]
    found = tuple(each.strip() for each in texts if each is not None)
    return found if len(found) == len(texts) else None


def _only_member(values: list[Any]) -> object:
    """The one value of several equal ones, as repeated columns have it; the list itself when they differ."""
    filled = [each for each in values if not is_blank(each)]
    same = len(values) > 1 and all(each == filled[0] for each in filled)
    return values if not same else filled[0] if filled else None
