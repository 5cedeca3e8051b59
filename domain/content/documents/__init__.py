"""Documents: the records of each type, and the neutral document that is made of each record."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, Final

from domain.content.documents.blocks import DECODE_ERRORS, JsonArrayBatch, JsonLinesBatch, RecordBatch
from domain.content.documents.kinds import (
    MAX_ID_LENGTH,
    ClientSite,
    NamePlan,
    Reads,
    RecordKind,
    build_record_schema,
    join_to_one_line,
    normalize_name,
)
from domain.content.documents.neutral import (
    EVERYONE,
    Author,
    Document,
    NeutralDocument,
    decode_document,
    encode_document,
    encode_documents,
    parse_document_id,
)
from domain.content.documents.placeholders import (
    PLACEHOLDER_NOTATION,
    count_exact_placeholders,
    find_placeholders,
    has_placeholder,
)
from domain.content.documents.repair import (
    DateOrder,
    DateOrders,
    Fault,
    InvalidRecordError,
    RepairedRecord,
    decide_date_orders,
    is_address,
    made_up_address,
    parse_members,
    parse_timestamp,
    repair_record,
)
from domain.model import DatasetType

__all__ = [
    "DECODE_ERRORS",
    "EVERYONE",
    "MAX_ID_LENGTH",
    "PLACEHOLDER_NOTATION",
    "RECORD_KINDS",
    "Author",
    "ClientSite",
    "DateOrder",
    "DateOrders",
    "Document",
    "Fault",
    "InvalidRecordError",
    "JsonArrayBatch",
    "JsonLinesBatch",
    "NamePlan",
    "NeutralDocument",
    "Reads",
    "RecordBatch",
    "RecordKind",
    "RepairedRecord",
    "count_exact_placeholders",
    "decide_date_orders",
    "decode_document",
    "encode_document",
    "encode_documents",
    "find_placeholders",
    "foreign_reference_pattern",
    "has_placeholder",
    "is_address",
    "join_to_one_line",
    "made_up_address",
    "normalize_name",
    "parse_document_id",
    "parse_members",
    "parse_timestamp",
    "record_json_schema",
    "repair_record",
]


def _load_record_kind(dataset_type: DatasetType) -> RecordKind:
    """The `KIND` of the module that has the type's name: a new type is a new module, and no line elsewhere."""
    kind: RecordKind = import_module(f"{__name__}.{dataset_type.value}").KIND
    return kind


RECORD_KINDS: Final = {each: _load_record_kind(each) for each in DatasetType}


def record_json_schema(dataset_type: DatasetType) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a type's records, under the exact names of their fields."""
    return build_record_schema(RECORD_KINDS[dataset_type])


def foreign_reference_pattern(kind: RecordKind, record_id: str) -> re.Pattern[str]:
    """The pattern of a bare reference to a record of another type, in a content whose ids look like this one."""
    others = [
        each.shape
        for each in RECORD_KINDS.values()
        if each is not kind and not each.shape.fullmatch(record_id)
    ]
    return re.compile("|".join(each.pattern for each in others))
