"""Documents: the records of each type, and the neutral document that is made of each record."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

import msgspec

from domain.content.documents.blocks import (
    DECODE_ERRORS,
    PLACEHOLDER,
    JsonArrayBatch,
    JsonLinesBatch,
    RecordBatch,
)
from domain.content.documents.confluence_pages import CONFLUENCE_PAGES
from domain.content.documents.github_repos import GITHUB_REPOS
from domain.content.documents.jira_issues import JIRA_ISSUES
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
from domain.content.documents.slack_messages import SLACK_MESSAGES
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
RECORD_KINDS: Final = {
    DatasetType.CONFLUENCE_PAGES: CONFLUENCE_PAGES,
    DatasetType.GITHUB_REPOS: GITHUB_REPOS,
    DatasetType.SLACK_MESSAGES: SLACK_MESSAGES,
    DatasetType.JIRA_ISSUES: JIRA_ISSUES,
}


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
