"""Whether a content is fit for use: its score against the threshold, and the gates that no score outweighs."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.documents import KINDS, decode
from domain.identities import Identities
from domain.inspection import Inspection
from domain.model import CheckResult
from domain.spill import MemorySpill
from domain.tally import score

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from domain.model import Content, QualityReport
    from domain.spill import Spill
    from domain.vocabulary import DatasetType

THRESHOLD: Final = 95.0


def gate(report: QualityReport, *, indexed: int | None, pushed: int) -> QualityReport:
    """The report with the gate `indexed`: every document that was pushed is served.

    A platform that does not count its documents (`indexed` is None) has no such gate.
    """
    others = tuple(each for each in report.gates if each.check != "indexed")
    if indexed is None:
        return replace(report, gates=others)
    missing = max(0, pushed - indexed)
    return replace(report, gates=(*others, CheckResult(check="indexed", weight=0, of=pushed, failed=missing)))


def passes(report: QualityReport) -> bool:
    """Whether a dataset with this report is fit for use."""
    return report.score >= THRESHOLD and not any(each.failed for each in report.gates)


def issues(report: QualityReport) -> list[dict[str, Any]]:
    """What failed, gates first, each as `{check, failed, of, examples}`."""
    return [
        {"check": each.check, "failed": each.failed, "of": each.of, "examples": list(each.examples)}
        for each in (*report.gates, *report.checks)
        if each.failed
    ]


def recheck(
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
    seen = Identities(spill or MemorySpill())
    inspection = Inspection(KINDS[dataset_type], sites[dataset_type].rstrip("/"), seen, now)
    digest = sha256()
    lines = damaged = 0
    for page in pages:
        documents = []
        digest.update(b"\n".join([*page, b""]))
        for line in page:
            try:
                documents.append(decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError):
                damaged += 1
        for at in seen.sift([each.id for each in documents]):
            seen.hold(documents[at].id, lines + 1 + at, b"")
        inspection.look(documents, lines + 1)
        lines += len(page)
    for each in seen.held():
        if each.again:
            inspection.repeated(each.position)
    inspection.dangling()
    found = {each.check: each for each in inspection.results()}
    checks = tuple(_renewed(before, found[before.check], damaged) for before in content.report.checks)
    same = digest.hexdigest() == content.checksum
    lost = 0 if same else max(1, content.record_count - lines + damaged)
    staged = CheckResult(check="staged", weight=0, of=max(content.record_count, lost), failed=lost)
    return replace(
        content.report,
        score=score(checks),
        checks=checks,
        gates=(staged,),
        checksum=digest.hexdigest(),
        evaluated_at=now,
    )


def _renewed(before: CheckResult, found: CheckResult, damaged: int) -> CheckResult:
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
