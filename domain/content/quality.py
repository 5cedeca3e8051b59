"""Whether a content is fit for use: its score against the threshold, and the gates that no score outweighs."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.content.checks import QualityChecker, quality_score
from domain.content.documents import RECORD_KINDS, decode_document
from domain.content.duplicates import DuplicateDetector
from domain.content.spill import MemorySpill
from domain.model import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from domain.content.spill import Spill
    from domain.model import Content, DatasetType, QualityReport

QUALITY_THRESHOLD: Final = 95.0


def with_indexed_gate(report: QualityReport, *, indexed: int | None, pushed: int) -> QualityReport:
    """The report with the gate `indexed`: every document that was pushed is served.

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
    """The checks that not everything passed, gates first."""
    return [each for each in (*report.gates, *report.checks) if each.failed]


def quality_issues(report: QualityReport) -> list[dict[str, Any]]:
    """What failed, gates first, each as `{check, failed, of, examples}`."""
    return [
        {"check": each.check, "failed": each.failed, "of": each.of, "examples": list(each.examples)}
        for each in failed_checks(report)
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
    """The report of what is staged now, by reading all of it again.

    Whatever a document shows is counted anew: ids, timestamps, authors, references. What only the source record
    showed (its schema, its missing fields, a second record of one id, the declared volume) stands as the population
    pass found it. A line that is no document fails the schema. The gate `staged` holds when the bytes are those that
    were populated.
    """
    seen = DuplicateDetector(spill or MemorySpill())
    inspection = QualityChecker(RECORD_KINDS[dataset_type], sites[dataset_type].rstrip("/"), seen, now)
    digest = sha256()
    lines = damaged = 0
    for page in pages:
        documents = []
        digest.update(b"\n".join([*page, b""]))
        for line in page:
            try:
                documents.append(decode_document(line))
            except (msgspec.DecodeError, UnicodeDecodeError):
                damaged += 1
        for at in seen.register_ids([each.id for each in documents]):
            seen.hold_record(documents[at].id, lines + 1 + at, b"")
        inspection.check_documents(documents, lines + 1)
        lines += len(page)
    for each in seen.resolve_held():
        if each.is_duplicate:
            inspection.count_duplicate(each.position)
    inspection.count_dangling_references()
    found = {each.check: each for each in inspection.results()}
    checks = tuple(_merged_result(before, found[before.check], damaged) for before in content.report.checks)
    same = digest.hexdigest() == content.checksum
    lost = 0 if same else max(1, content.record_count - lines + damaged)
    staged = CheckResult(check="staged", weight=0, of=max(content.record_count, lost), failed=lost)
    return replace(
        content.report,
        score=quality_score(checks),
        checks=checks,
        gates=(staged,),
        checksum=digest.hexdigest(),
        evaluated_at=now,
    )


def _merged_result(before: CheckResult, found: CheckResult, damaged: int) -> CheckResult:
    """One check's result, with what was counted anew in place of what the population pass counted."""
    match before.check:
        case "timestamps" | "authors":
            return found
        case "uniqueness":
            return replace(before, failed=min(before.of, before.failed + found.failed))
        case "referential_integrity":
            left_out = max(0, found.of - before.of)
            return replace(found, of=found.of - left_out, failed=max(0, found.failed - left_out))
        case "schema_conformity":
            return replace(before, failed=min(before.of, before.failed + damaged))
        case _:
            return before
