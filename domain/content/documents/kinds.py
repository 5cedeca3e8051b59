"""Record kinds: the fields of each type of record, and how a document is made of one."""

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
    from domain.model import ConnectorSchema

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""Glean accepts ids of up to 200 characters."""
Text = Annotated[str, msgspec.Meta(min_length=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Instant = datetime
"""RFC 3339, or else what `timestamps.parse_timestamp` makes of it."""
Texts = tuple[str, ...]
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Replaces a timestamp that is missing or cannot be parsed; the check rejects it as implausible."""
NOBODY: Final = "unknown@example.invalid"
"""Replaces a missing author; the check rejects it as invalid."""
UNKNOWN: Final = "unknown"
"""Replaces a missing container: Glean accepts no document without one."""
_TITLE: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind:
    """Record kind: one type of record.

    `record` is the structure; its fields without a default are required. `identifiers` are the fields that make its id.
    `document` makes a document of a record and the address of the client's site. `connector` is the schema of the
    connector that serves these records. `spellings` are other names of a
    field, in lower case. A bare reference of this `shape` may lead to a record of this type; in an address, the id is
    the last `tail` segments. `also` names a property that is a second author. `stand_ins` replace missing values, so
    that a faulty record can still be sent. `listed_by_id`: the connector's settings list records, not containers.
    `decode` parses one record of JSON, `decode_lines` one a line, `decode_array` the elements of an array.
    """

    record: type[msgspec.Struct]
    identifiers: tuple[str, ...]
    document: Callable[[Any, str], Document]
    connector: ConnectorSchema
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
        """The id of a record, from the end of its address."""
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
    """Field of a record; `plain` is its bare type: `str`, `int`, `datetime` or `tuple`."""

    name: str
    type: Any
    plain: type
    required: bool


def _build_field(info: msgspec.structs.FieldInfo) -> Field:
    described = msgspec.inspect.type_info(info.type)
    members = described.types if isinstance(described, msgspec.inspect.UnionType) else (described,)
    bare = [each.type if isinstance(each, msgspec.inspect.Metadata) else each for each in members]
    plain = next(_PLAIN[type(each)] for each in bare if type(each) in _PLAIN)
    return Field(info.name, info.type, plain, info.required)


_PLAIN: Final[dict[type, type]] = {
    msgspec.inspect.IntType: int,
    msgspec.inspect.StrType: str,
    msgspec.inspect.DateTimeType: datetime,
    msgspec.inspect.VarTupleType: tuple,
}


def headline(text: str) -> str:
    """The beginning of a text as a title, cut at a word after at most 80 characters."""
    head = text[: _TITLE + 1]
    if "\n" in head:
        head = " ".join(text[: 2 * _TITLE].split())
    if len(head) <= _TITLE:
        return head
    end = head.rfind(" ", 1, _TITLE + 1)
    return f"{head[: end if end > 0 else _TITLE]}…"
