"""Documents: the records of each type, and the neutral document that is made of each record."""

from __future__ import annotations

import re
from datetime import datetime
from importlib import import_module
from typing import Any, Final

import msgspec

from domain.content.documents.blocks import (
    DECODE_ERRORS,
    PLACEHOLDER,
    JsonArrayBatch,
    JsonLinesBatch,
    RecordBatch,
)
from domain.content.documents.kinds import RecordKind
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
from domain.content.documents.repair import InvalidRecordError, RepairedRecord, repair_record
from domain.model import DatasetType

__all__ = [
    "DECODE_ERRORS",
    "EVERYONE",
    "PLACEHOLDER",
    "RECORD_KINDS",
    "Author",
    "Document",
    "InvalidRecordError",
    "JsonArrayBatch",
    "JsonLinesBatch",
    "NeutralDocument",
    "RecordBatch",
    "RecordKind",
    "RepairedRecord",
    "decode_document",
    "encode_document",
    "encode_documents",
    "foreign_reference_pattern",
    "parse_document_id",
    "record_json_schema",
    "repair_record",
]


def _load_record_kind(dataset_type: DatasetType) -> RecordKind:
    """The `KIND` of the module that has the type's name: a new type is a new module, and no line elsewhere."""
    kind: RecordKind = import_module(f"{__name__}.{dataset_type.value}").KIND
    return kind


RECORD_KINDS: Final = {each: _load_record_kind(each) for each in DatasetType}


def record_json_schema(dataset_type: DatasetType) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a type's records."""
    kind = RECORD_KINDS[dataset_type]
    _, components = msgspec.json.schema_components([kind.record])
    described: dict[str, Any] = components[kind.record.__name__]
    for each in kind.fields:
        if each.plain is datetime:
            types = ["string", "number"] if each.required else ["string", "number", "null"]
            described["properties"][each.name] = {"type": types, "minLength": 1}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}


def foreign_reference_pattern(kind: RecordKind, record_id: str) -> re.Pattern[str]:
    """The pattern of a bare reference to a record of another type, in a content whose ids look like this one."""
    others = [
        each.shape
        for each in RECORD_KINDS.values()
        if each is not kind and not each.shape.fullmatch(record_id)
    ]
    return re.compile("|".join(each.pattern for each in others))
