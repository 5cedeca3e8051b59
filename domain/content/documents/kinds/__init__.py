"""Record kinds: the fields of each type of record, how their names may be spelt, and their schema."""

from domain.content.documents.kinds.addresses import build_urls, encode_paths
from domain.content.documents.kinds.record_kind import (
    MAX_COUNT,
    MAX_ID_LENGTH,
    NOBODY,
    UNKNOWN,
    ClientSite,
    Count,
    DocumentFields,
    Field,
    Id,
    Instant,
    Reads,
    RecordKind,
    Text,
    Texts,
    headline,
)
from domain.content.documents.kinds.schemas import build_record_schema
from domain.content.documents.kinds.spelling import (
    CollectedField,
    NamePlan,
    is_blank,
    normalize_name,
)
from domain.content.documents.kinds.texts import is_one_line, is_web_address, join_to_one_line

__all__ = [
    "MAX_COUNT",
    "MAX_ID_LENGTH",
    "NOBODY",
    "UNKNOWN",
    "ClientSite",
    "CollectedField",
    "Count",
    "DocumentFields",
    "Field",
    "Id",
    "Instant",
    "NamePlan",
    "Reads",
    "RecordKind",
    "Text",
    "Texts",
    "build_record_schema",
    "build_urls",
    "encode_paths",
    "headline",
    "is_blank",
    "is_one_line",
    "is_web_address",
    "join_to_one_line",
    "normalize_name",
]
