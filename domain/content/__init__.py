"""Content: documents made from a template's records, and the checks of their quality."""

from __future__ import annotations

from domain.content.documents import (
    DECODE_ERRORS,
    EVERYONE,
    PLACEHOLDER,
    RECORD_KINDS,
    Author,
    JsonArrayBatch,
    JsonLinesBatch,
    NeutralDocument,
    RecordBatch,
    RecordKind,
    decode_document,
    parse_document_id,
)
from domain.content.golden_questions import parse_golden_questions
from domain.content.markup import (
    adf_to_text,
    body_to_text,
    html_to_text,
    markdown_to_text,
    slack_to_text,
    storage_to_html,
    wiki_to_text,
)
from domain.content.population import Population
from domain.content.quality import (
    QUALITY_THRESHOLD,
    failed_checks,
    is_fit_for_use,
    quality_issues,
    recheck_quality,
    with_indexed_gate,
)
from domain.content.readiness import measure_readiness, readiness_report
from domain.content.templates import DEFAULT_FOLDER, choose_template, require_known_template

__all__ = [
    "DECODE_ERRORS",
    "DEFAULT_FOLDER",
    "EVERYONE",
    "PLACEHOLDER",
    "QUALITY_THRESHOLD",
    "RECORD_KINDS",
    "Author",
    "JsonArrayBatch",
    "JsonLinesBatch",
    "NeutralDocument",
    "Population",
    "RecordBatch",
    "RecordKind",
    "adf_to_text",
    "body_to_text",
    "choose_template",
    "decode_document",
    "failed_checks",
    "html_to_text",
    "is_fit_for_use",
    "markdown_to_text",
    "measure_readiness",
    "parse_document_id",
    "parse_golden_questions",
    "quality_issues",
    "readiness_report",
    "recheck_quality",
    "require_known_template",
    "slack_to_text",
    "storage_to_html",
    "wiki_to_text",
    "with_indexed_gate",
]
