"""Withholding: what is said of the records of an export names places, and repeats nothing of them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from domain.content.documents import RECORD_KINDS
from domain.errors import ExportInvalidError, TemplateInvalidError
from domain.model import CheckResult, quote_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from domain.model import Content, QualityReport, SanitizationReport

LEAK_GATE: Final = "no_leak"
CORRECT_EXPORT: Final = "Look at that place of the export itself, correct it, and call again."
_KNOWN_FIELDS: Final = frozenset(
    field.name for kind in RECORD_KINDS.values() for field in kind.fields
) | frozenset(name for kind in RECORD_KINDS.values() for name in kind.identifiers)


@contextmanager
def withhold_values(file: str) -> Iterator[None]:
    """Replace errors about a file of an export by ones that name the place only, since others may quote it.

    Raises ExportInvalidError in the place of every TemplateInvalidError.
    """
    try:
        yield
    except TemplateInvalidError as error:
        raise export_record_error(file, error.facts) from None


def export_record_error(file: str, facts: Mapping[str, Any]) -> ExportInvalidError:
    """The error about a file of an export, with its place as far as it is known."""
    shown, position, field = quote_foreign(file), facts.get("position"), facts.get("record_field")
    place: dict[str, Any] = {"file": shown}
    available = facts.get("available")
    if isinstance(available, int):
        return ExportInvalidError(
            f"{shown} of the export holds {available} records, fewer than the call asked for.",
            field="record_count",
            available=available,
            suggested_action=f"Ask for {available} records or fewer.",
            **place,
        )
    what = f"{shown} of the export cannot be used"
    if isinstance(position, int):
        what = f"Record {position} of {shown} in the export cannot be used"
        place["position"] = position
    if field in _KNOWN_FIELDS:
        what = f"{what}, because of its field {field}"
        place["record_field"] = field
    return ExportInvalidError(
        f"{what}. Nothing of its text is repeated here.", suggested_action=CORRECT_EXPORT, **place
    )


def with_sanitization(content: Content, report: SanitizationReport) -> Content:
    """The content with the report of its sanitization and the gate `no_leak`, and without values in findings."""
    gate = CheckResult(check=LEAK_GATE, weight=0, of=report.records, failed=0)
    checked = replace(content.report, gates=(*content.report.gates, gate))
    return replace(content, sanitization=report, report=without_values(checked))


def without_values(report: QualityReport) -> QualityReport:
    """The report without the values of its findings."""
    checks = tuple(
        replace(check, findings=tuple(replace(each, value=None) for each in check.findings))
        for check in report.checks
    )
    return replace(report, checks=checks)
