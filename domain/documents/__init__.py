"""Records of each type, and the neutral document that is made of each."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

import msgspec

from domain.documents.confluence_pages import CONFLUENCE_PAGES
from domain.documents.github_repos import GITHUB_REPOS
from domain.documents.jira_issues import JIRA_ISSUES
from domain.documents.kinds import RecordKind
from domain.documents.neutral import (
    Author,
    Document,
    NeutralDocument,
    decode_document,
    encode_document,
    encode_documents,
    parse_document_id,
)
from domain.documents.slack_messages import SLACK_MESSAGES
from domain.vocabulary import DatasetType

__all__ = [
    "RECORD_KINDS",
    "Author",
    "Document",
    "NeutralDocument",
    "RecordKind",
    "decode_document",
    "encode_document",
    "encode_documents",
    "foreign_reference_pattern",
    "parse_document_id",
    "record_json_schema",
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
    """How a bare reference looks that means another type, in a content whose ids look like this one."""
    others = [
        each.shape
        for each in RECORD_KINDS.values()
        if each is not kind and not each.shape.fullmatch(record_id)
    ]
    return re.compile("|".join(each.pattern for each in others))
