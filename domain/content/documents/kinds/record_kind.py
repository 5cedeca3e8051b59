"""Record kinds: the fields of each type of record, and how a document is made of one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import unquote

import msgspec
import msgspec.inspect
import msgspec.structs

from domain.content.documents.kinds.spelling import plan_names
from domain.content.documents.kinds.texts import (
    are_filled_lines,
    are_web_addresses,
    is_one_line,
    is_web_address,
)
from domain.model import build_decoder

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping, Sequence

    from domain.content.documents.kinds.spelling import NamePlan, Readings
    from domain.content.documents.neutral import Document
    from domain.model import ConnectorSchema

MAX_ID_LENGTH: Final = 200
"""How many characters an id may have in Glean (https://developers.glean.com/api-info/indexing/documents/overview)."""
MAX_COUNT: Final = 10**15 - 1
"""The largest count: JSON of every reader holds it exactly."""
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
Instant = datetime
"""RFC 3339, or else what `parse_timestamp` makes of it. What is missing or no instant is absent."""
Texts = tuple[str, ...]
NOBODY: Final = "unknown@example.invalid"
"""Replaces a missing author; the check rejects it as invalid."""
UNKNOWN: Final = "unknown"
"""Replaces a missing container: Glean accepts no document without one."""
_URL: Final = "url"
"""The field of every type that holds the address of what the record describes."""
_TITLE: Final = 80
_get_url: Final = attrgetter(_URL)


@dataclass(frozen=True, slots=True)
class ClientSite:
    """The client's own copy of what a type's records come from: its address, and the organisation that owns it."""

    url: str
    organization: str = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFields:
    """The fields of a record that a document's parts come from, to name them in findings."""

    title: str
    body: str
    container: str
    author: str
    updated: str
    references: str
    created: str = "created"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind:
    """Record kind: one type of record.

    `record` is the structure; its fields without a default are required. `identifiers` are the fields that make its id.
    `documents` makes a document of each record, for the client's site. `connector` is the schema of the connector that
    serves these records. `readings` are the names of the fields that have more than their own. `people` are the fields
    that name a person. A bare reference of this `shape` may lead to a record of this type; in an address, the id is
    the last `tail` segments. `also` names a property that is a second author. `stand_ins` replace missing values, so
    that a faulty record can still be sent. `listed_by_id`: the connector's settings list records, not containers.
    `decode` parses one record of JSON, `decode_lines` one a line, `decode_array` the elements of an array; all of them
    refuse a record that has a name which is not exactly that of a field. The kind `loose` takes such a record, and
    ignores what it does not know.
    """

    record: type[msgspec.Struct]
    identifiers: tuple[str, ...]
    documents: Callable[[Sequence[Any], ClientSite], list[Document]]
    document_fields: DocumentFields
    connector: ConnectorSchema
    shape: re.Pattern[str]
    tail: int = 1
    also: str | None = None
    listed_by_id: bool = False
    people: frozenset[str] = frozenset()
    readings: Mapping[str, Readings] = field(default_factory=dict)
    stand_ins: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[Field, ...] = field(init=False)
    filled: tuple[Callable[[Any], str], ...] = field(init=False, repr=False)
    filled_texts: Callable[[Any], tuple[str, ...]] = field(init=False, repr=False)
    identify: Callable[[Any], str] = field(init=False, repr=False)
    decode: Callable[[bytes], Any] = field(init=False, repr=False)
    decode_lines: Callable[[bytes], list[Any]] = field(init=False, repr=False)
    decode_array: Callable[[bytes], list[Any]] = field(init=False, repr=False)
    loose: RecordKind = field(init=False, repr=False)

    def id_from_url(self, address: str) -> str:
        """The id of a record, from the end of its address."""
        path = address.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0].rstrip("/")
        found = "/".join(path.split("/")[-self.tail :])
        return unquote(found) if "%" in found else found

    def plan_names(self, names: Sequence[str]) -> NamePlan:
        """Plan how records of this kind with these names are read."""
        return plan_names(
            names, {each.name: self.readings.get(each.name, ((each.name,),)) for each in self.fields}
        )

    def document(self, record: Any, site: ClientSite) -> Document:  # noqa: ANN401 - each kind has its own structure
        """The document of one record."""
        return self.documents([record], site)[0]

    def are_plain(self, records: Sequence[Any]) -> bool:
        """Whether the texts of these records are what their fields want: none blank, ids of one line, addresses."""
        return (
            are_filled_lines([*map(self.identify, records)])
            and not any(any(map(str.isspace, map(get, records))) for get in self.filled)
            and are_web_addresses([*filter(None, map(_get_url, records))])
        )

    def is_plain(self, record: Any) -> bool:  # noqa: ANN401 - each kind has its own structure
        """Whether the texts of this record are what their fields want."""
        return (
            not any(map(str.isspace, self.filled_texts(record)))
            and is_one_line(self.identify(record))
            and (not record.url or is_web_address(record.url))
        )

    def __post_init__(self) -> None:
        one = build_decoder(self.record)
        fields = tuple(_build_field(each, self) for each in msgspec.structs.fields(self.record))
        for name, value in {
            "fields": fields,
            "filled": tuple(
                attrgetter(each.name)
                for each in fields
                if each.must_be_filled and each.name not in self.identifiers
            ),
            "identify": attrgetter(*self.identifiers),
            "filled_texts": _text_getter([each.name for each in fields if each.must_be_filled]),
            "loose": self._loosen(),
            "decode": one.decode,
            "decode_lines": one.decode_lines,
            "decode_array": build_decoder(list[self.record]).decode,  # type: ignore[name-defined]
        }.items():
            object.__setattr__(self, name, value)

    @property
    def is_exact(self) -> bool:
        """Whether a record that has another name than those of the fields is refused."""
        return self.record.__struct_config__.forbid_unknown_fields

    def _loosen(self) -> RecordKind:
        if not self.is_exact:
            return self
        record = msgspec.defstruct(
            self.record.__name__, [], bases=(self.record,), forbid_unknown_fields=False, gc=False
        )
        return replace(self, record=record)


class Reads(Enum):
    """What the value of a field is read as."""

    ID = "a text or whole number"
    TEXT = "a text"
    COUNT = "a whole number from 0 with at most 15 digits"
    INSTANT = "an instant such as 2024-03-12T15:05:00Z"
    TEXTS = "a list of texts, or texts with `;` between them"
    PERSON = "an e-mail address, a name, or an object with one"
    ADDRESS = "an address such as https://example.com/page"


@dataclass(frozen=True, slots=True)
class Field:
    """Field of a record. A `nullable` one may be null or empty, which is then its value.

    `longest` is the number of characters that a text may have, None for any.
    """

    name: str
    type: Any
    reads: Reads
    required: bool
    nullable: bool
    longest: int | None

    @property
    def must_be_filled(self) -> bool:
        """Whether a record without a text here is incomplete."""
        return self.required and not self.nullable and self.reads is not Reads.COUNT


def _text_getter(names: Sequence[str]) -> Callable[[Any], tuple[str, ...]]:
    """What gets all these texts of a record."""
    get: Callable[[Any], Any] = attrgetter(*names)
    return get if len(names) > 1 else lambda record: (get(record),)


def _build_field(info: msgspec.structs.FieldInfo, kind: RecordKind) -> Field:
    described = msgspec.inspect.type_info(info.type)
    members = described.types if isinstance(described, msgspec.inspect.UnionType) else (described,)
    bare = [each.type if isinstance(each, msgspec.inspect.Metadata) else each for each in members]
    reads = next(_READS[type(each)] for each in bare if type(each) in _READS)
    if info.name in kind.identifiers:
        reads = Reads.ID
    elif info.name in kind.people:
        reads = Reads.PERSON
    elif info.name == _URL:
        reads = Reads.ADDRESS
    nullable = any(isinstance(each, msgspec.inspect.NoneType) for each in bare)
    longest = next((each.max_length for each in bare if isinstance(each, msgspec.inspect.StrType)), None)
    return Field(info.name, info.type, reads, info.required, nullable, longest)


_READS: Final[dict[type, Reads]] = {
    msgspec.inspect.IntType: Reads.COUNT,
    msgspec.inspect.StrType: Reads.TEXT,
    msgspec.inspect.DateTimeType: Reads.INSTANT,
    msgspec.inspect.VarTupleType: Reads.TEXTS,
}


def headline(text: str) -> str:
    """The beginning of a text as a title, cut at a word after at most 80 characters."""
    head = text[: _TITLE + 1]
    if "\n" in head:
        head = " ".join(text[: 2 * _TITLE].split())[: _TITLE + 1]
    if len(head) <= _TITLE:
        return head
    end = head.rfind(" ")
    return f"{head[: end if end > 0 else _TITLE]}…"
