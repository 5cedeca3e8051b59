"""What a type of record is: its fields, and how a document is made of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import msgspec.inspect
import msgspec.structs

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping

    from domain.content.documents.neutral import Document

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""200 characters is what Glean takes (glean.md B)."""
Text = Annotated[str, msgspec.Meta(min_length=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Instant = datetime
"""RFC 3339, or else what `instants.read_instant` makes of it."""
Texts = tuple[str, ...]
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands in for an instant that is missing or cannot be read; no check takes it for plausible."""
NOBODY: Final = "unknown@example.invalid"
"""Stands in for an author that is missing; no check takes it for valid."""
UNKNOWN: Final = "unknown"
"""Stands in for a container that is missing: Glean takes no document without one."""
_TITLE: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind:
    """One type of record.

    `record` is the structure whose fields without a default are required, `identifiers` the fields that make its
    id. `document` makes a document of a record, given the address of the client's own site. `spellings` are other
    names that a field is known by, in lower case. A bare reference of this `shape` may mean a record of this type;
    in an address, the id is its last `tail` segments. `also` names a property that is a second author. `stand_ins`
    keep a flawed record sendable. `listed_by_id`: the connector's settings list the records, not their containers.
    `decode` reads one record of JSON, `decode_lines` one a line, `decode_array` the elements of an array.
    """

    record: type[msgspec.Struct]
    identifiers: tuple[str, ...]
    document: Callable[[Any, str], Document]
    shape: re.Pattern[str]
    tail: int = 1
    also: str | None = None
    listed_by_id: bool = False
    spellings: Mapping[str, str] = field(default_factory=dict)
    stand_ins: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[Field, ...] = field(init=False)
    decode: Callable[[bytes], Any] = field(init=False, repr=False)
    decode_lines: Callable[[bytes], list[Any]] = field(init=False, repr=False)
    decode_array: Callable[[bytes], list[Any]] = field(init=False, repr=False)

    def id_from_url(self, address: str) -> str:
        """The id at the end of an address."""
        return "/".join(
            address.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0].rstrip("/").split("/")[-self.tail :]
        )

    def __post_init__(self) -> None:
        one = msgspec.json.Decoder(self.record)
        for name, value in {
            "fields": tuple(_build_field(each) for each in msgspec.structs.fields(self.record)),
            "decode": one.decode,
            "decode_lines": one.decode_lines,
            "decode_array": msgspec.json.Decoder(list[self.record]).decode,  # type: ignore[name-defined]
        }.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record; `plain` is `str`, `int`, `datetime` or `tuple`, whatever else `type` demands."""

    name: str
    type: Any
    plain: type
    required: bool


def _build_field(found: msgspec.structs.FieldInfo) -> Field:
    described = msgspec.inspect.type_info(found.type)
    members = described.types if isinstance(described, msgspec.inspect.UnionType) else (described,)
    bare = [each.type if isinstance(each, msgspec.inspect.Metadata) else each for each in members]
    plain = next(_PLAIN[type(each)] for each in bare if type(each) in _PLAIN)
    return Field(found.name, found.type, plain, found.required)


_PLAIN: Final[dict[type, type]] = {
    msgspec.inspect.IntType: int,
    msgspec.inspect.StrType: str,
    msgspec.inspect.DateTimeType: datetime,
    msgspec.inspect.VarTupleType: tuple,
}


def headline(text: str) -> str:
    """The beginning of a text, as a title."""
    head = text[: _TITLE + 1]
    if "\n" in head:
        head = " ".join(text[: 2 * _TITLE].split())
    if len(head) <= _TITLE:
        return head
    end = head.rfind(" ", 1, _TITLE + 1)
    return f"{head[: end if end > 0 else _TITLE]}…"
