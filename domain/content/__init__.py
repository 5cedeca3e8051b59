"""Content: documents made from a template's records, and the checks of their quality."""

from __future__ import annotations

from domain.content.documents import (
    DECODE_ERRORS,
    EVERYONE,
    RECORD_KINDS,
    Author,
    DateOrder,
    Fault,
    JsonArrayBatch,
    JsonLinesBatch,
    NeutralDocument,
    Reads,
    RecordBatch,
    RecordKind,
    decode_document,
    has_placeholder,
    made_up_address,
    normalize_name,
    parse_document_id,
    parse_timestamp,
)
from domain.content.golden_questions import parse_golden_questions
from domain.content.population import Population
from domain.content.quality import (
    QUALITY_THRESHOLD,
    failed_checks,
    is_fit_for_use,
    quality_issues,
    recheck_quality,
    serialize_findings,
    with_indexed_gate,
)
from domain.content.readiness import measure_readiness, readiness_report
from domain.content.templates import DEFAULT_FOLDER, choose_template, require_known_template

__all__ = [
    "DECODE_ERRORS",
    "DEFAULT_FOLDER",
    "EVERYONE",
    "QUALITY_THRESHOLD",
    "RECORD_KINDS",
    "Author",
    "DateOrder",
    "Fault",
    "JsonArrayBatch",
    "JsonLinesBatch",
    "NeutralDocument",
    "Population",
    "Reads",
    "RecordBatch",
    "RecordKind",
    "choose_template",
    "decode_document",
    "failed_checks",
    "has_placeholder",
    "is_fit_for_use",
    "made_up_address",
    "measure_readiness",
    "normalize_name",
    "parse_document_id",
    "parse_golden_questions",
    "parse_timestamp",
    "quality_issues",
    "readiness_report",
    "recheck_quality",
    "require_known_template",
    "serialize_findings",
    "with_indexed_gate",
]
