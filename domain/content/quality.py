"""Quality: whether a content is fit for use, by its score and by gates that no score outweighs."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from domain.content.checks import DOCUMENT_PROBLEMS, DuplicateDetector, QualityChecker, quality_score
from domain.content.checks.spill import MemorySpill
from domain.content.documents import DECODE_ERRORS, RECORD_KINDS, decode_document
from domain.content.population import LEAK_GATE, without_values
from domain.model import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from domain.content.checks.spill import Spill
    from domain.model import Content, DatasetType, QualityReport

QUALITY_THRESHOLD: Final = 95.0


def with_indexed_gate(report: QualityReport, *, indexed: int | None, pushed: int) -> QualityReport:
    """The report with the gate `indexed`: the platform serves every document that was pushed.

    A platform that does not count its documents (`indexed` is None) has no such gate.
    """
    others = tuple(each for each in report.gates if each.check != "indexed")
    if indexed is None:
        return replace(report, gates=others)
    missing = max(0, pushed - indexed)
    return replace(report, gates=(*others, CheckResult(check="indexed", weight=0, of=pushed, failed=missing)))


def is_fit_for_use(report: QualityReport) -> bool:
    """Whether a dataset with this report is fit for use."""
    return report.score >= QUALITY_THRESHOLD and not any(each.failed for each in report.gates)


def failed_checks(report: QualityReport) -> list[CheckResult]:
    """The gates and checks with failures, gates first."""
    return [each for each in (*report.gates, *report.checks) if each.failed]


def quality_issues(report: QualityReport) -> list[dict[str, Any]]:
    """The failed gates and checks, gates first, each as `{check, failed, of, examples, findings?}`."""
    return [
        {
            "check": each.check,
            "failed": each.failed,
            "of": each.of,
            "examples": list(each.examples),
            **({"findings": serialize_findings(each)} if each.findings else {}),
        }
        for each in failed_checks(report)
    ]


def serialize_findings(result: CheckResult) -> list[dict[str, Any]]:
    """The findings of a check, each as `{field, problem, count, value?, expected?}`."""
    return [
        {
            "field": each.field,
            "problem": each.problem,
            "count": each.count,
            **({} if each.value is None else {"value": each.value}),
            **({} if each.expected is None else {"expected": each.expected}),
        }
        for each in result.findings
    ]


def recheck_quality(
    pages: Iterable[Sequence[bytes]],
    content: Content,
    *,
    dataset_type: DatasetType,
    sites: Mapping[DatasetType, str],
    now: datetime,
    spill: Spill | None = None,
) -> QualityReport:
    """Check the staged content again, by reading all of it.

    What a document shows is counted anew: ids, timestamps, authors, references. What only the source record showed (its
    schema, missing fields, duplicates that were left out, the declared volume) keeps the result of the population. A
    line that is no document fails the schema. The gate `staged` passes when the bytes are those that were populated.
    """
    duplicates = DuplicateDetector(spill or MemorySpill())
    checker = QualityChecker(RECORD_KINDS[dataset_type], sites[dataset_type].rstrip("/"), duplicates, now)
    digest = sha256()
    lines = damaged = 0
    for page in pages:
        documents = []
        digest.update(b"\n".join([*page, b""]))
        for line in page:
            try:
                documents.append(decode_document(line))
            except DECODE_ERRORS:
                damaged += 1
        for at in duplicates.register_ids([each.id for each in documents]):
            duplicates.hold_record(documents[at].id, lines + 1 + at, b"")
        checker.check_documents(documents, lines + 1)
        lines += len(page)
    for each in duplicates.resolve_held():
        if each.is_duplicate:
            checker.count_duplicate(each.position)
    checker.count_dangling_references(0)
    now_found = {each.check: each for each in checker.results()}
    checks = tuple(
        _merged_result(before, now_found[before.check], damaged, documents=lines)
        for before in content.report.checks
    )
    unchanged = digest.hexdigest() == content.checksum
    lost = 0 if unchanged else max(1, content.record_count - lines + damaged)
    staged = CheckResult(check="staged", weight=0, of=max(content.record_count, lost), failed=lost)
    # Nothing is sanitized again, so the leak check keeps its result.
    no_leak = tuple(each for each in content.report.gates if each.check == LEAK_GATE)
    report = replace(
        content.report,
        score=quality_score(checks),
        checks=checks,
        gates=(*no_leak, staged),
        checksum=digest.hexdigest(),
        evaluated_at=now,
    )
    return report if content.sanitization is None else without_values(report)


def _merged_result(before: CheckResult, found: CheckResult, damaged: int, documents: int) -> CheckResult:
    """The result of one check: the new count where documents show it, otherwise that of the population."""
    match before.check:
        case "timestamps" | "authors":
            return _with_source(before, found, found.of)
        case "uniqueness":
            return replace(before, failed=min(before.of, before.failed + found.failed))
        case "referential_integrity" if before.source is not None:
            return _with_source(before, found, max(documents, found.of + before.source.of))
        case "referential_integrity":
            # An earlier release counted references alone, and forgot those that were left out.
            left_out = max(0, found.of - before.of)
            return replace(found, of=found.of - left_out, failed=max(0, found.failed - left_out))
        case "schema_conformity":
            return replace(before, failed=min(before.of, before.failed + damaged))
        case _:
            return before


def _with_source(before: CheckResult, found: CheckResult, of: int) -> CheckResult:
    """What documents show now, with what only their source records showed."""
    failed = max(0, min(of, found.failed + (before.source.failed if before.source else 0)))
    if failed == before.failed:
        return replace(before, of=of)
    kept = tuple(each for each in before.findings if each.problem not in DOCUMENT_PROBLEMS)
    return replace(found, of=of, failed=failed, findings=(*found.findings, *kept), source=before.source)
