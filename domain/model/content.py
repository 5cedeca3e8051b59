"""Content: the documents of one population, with their quality and readiness."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.model.enums import TemplateMatch
from domain.model.sanitization import SanitizationReport


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateChoice:
    """The template that was chosen for a dataset, and how it was matched."""

    template_id: str
    match: TemplateMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Finding of a check: what is wrong with one field, in how many records, with one value that is.

    `field` is the name of a field, a path in the record, or the part of the record that is meant. `value` is quoted and
    short, because it is somebody else's text; None where there is none. `expected` is the notation that is read.
    """

    field: str
    problem: str
    count: int
    value: str | None = None
    expected: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCount:
    """What the source records add to what their documents show: to be looked at, and failed.

    It is negative where the source explains what looks like a failure, such as a reference to a record left out.
    """

    of: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one quality check: how many of how many failed, with up to five examples.

    Examples are positions and ids, never content. `findings` are bounded and name fields; they are for people. `source`
    is what a re-check, which sees documents only, has to keep; None for a gate, and in rows of earlier releases.
    """

    check: str
    weight: int
    of: int
    failed: int
    examples: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    source: SourceCount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Readiness: how many of the `asked` golden questions the platform has `answered` with its first results.

    `unanswered` are up to five of the others, in the template's order. When `answered` is None, readiness is not known,
    and `unknown` says why.
    """

    asked: int
    answered: int | None = None
    unanswered: tuple[str, ...] = ()
    unknown: str | None = None

    @property
    def share(self) -> float | None:
        """The share of answered questions, in thousandths, rounded down: 1 means all. None when it is not known."""
        if self.answered is None or not self.asked:
            return None
        return 1000 * self.answered // self.asked / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """The results of the checks on one content. `score` is 0 to 100; a failed gate outweighs any score.

    A gate is `{check, failed, of}` in the form of a `CheckResult` with weight 0. `readiness` changes neither; it is
    None where no question was asked.
    """

    score: float
    checks: tuple[CheckResult, ...]
    gates: tuple[CheckResult, ...] = ()
    checksum: str
    evaluated_at: datetime
    readiness: Readiness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The content of one attempt: `record_count` documents, with size and SHA-256 of the staged JSON Lines.

    `containers` are the spaces, repositories, channels or projects of the documents, in order of first appearance.
    `report` has the results of the population's checks. `warnings` are for a person, about the source.
    `sanitization` is the report of sanitized production data, None for all others.
    """

    attempt: int
    record_count: int
    size_bytes: int
    checksum: str
    containers: tuple[str, ...]
    report: QualityReport
    warnings: tuple[str, ...] = ()
    sanitization: SanitizationReport | None = None
