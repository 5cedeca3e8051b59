"""A dataset with all its details, as text for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.filesize import decimal
from rich.text import Text

from domain.content import is_fit_for_use, quality_issues
from domain.lifecycle import parse_archive, provision_failed_error
from domain.model import DatasetStatus, Journey, UnreadableRow, Waiver
from server.cli.output import (
    format_duration,
    format_value,
    render_facts,
    render_section,
    render_table,
    render_value,
)
from server.cli.views.content.findings import render_findings
from server.cli.views.content.sanitization import render_sanitization

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rich.console import RenderableType

    from domain.lifecycle import DatasetDetails
    from domain.model import Confirmation, Dataset, Failure, QualityReport, Readiness

_EVENTS: Final = 8
_NOBODY: Final = "nobody now; it continues with `dataset-lifecycle serve`, or when you run the command again"
_PROTECTED: Final = frozenset({DatasetStatus.PROVISIONING, DatasetStatus.VALIDATING, DatasetStatus.READY})


def render_dataset(
    details: DatasetDetails, now: datetime, *, abandoned: bool = False
) -> Iterator[RenderableType]:
    """Render a dataset: identity, quality, connector, failure, compensations, teardown, archive and last events.

    `abandoned` is whether nobody works on its run.
    """
    dataset = details.dataset
    facts = _identity_facts(details, now, abandoned=abandoned)
    yield render_section(f"{dataset.name} is {dataset.status}", render_facts(facts))
    if dataset.quality:
        yield from _render_quality(dataset.quality)
    content = dataset.content or dataset.staged
    if content and content.sanitization:
        yield from render_sanitization(content.sanitization)
    if details.connector:
        connector = details.connector
        yield render_section(
            "Connector",
            render_facts(
                (
                    ("name", connector.name),
                    ("status", render_value(connector.status.value)),
                    ("in", connector.fingerprint.url),
                    ("last synced", connector.last_successful_sync),
                    ("last checked", connector.last_health_check),
                    ("message", connector.message),
                    ("id", connector.connector_id),
                )
            ),
        )
    if dataset.status is DatasetStatus.READY and dataset.failure is not None:
        # The failure's own action is for a provision that is retried; a dataset in use is refreshed once more.
        action = provision_failed_error(dataset).suggested_action
        yield from _render_failure("The last refresh failed", dataset.failure, action)
    else:
        yield from _render_failure("It failed", dataset.failure)
    if details.undos:
        rows = [(each.what, each.cause, each.since, each.tries) for each in details.undos]
        columns = ("what", "why not yet", "since", "tries")
        yield render_section("Still to be undone", render_table(columns, rows, empty=""))
    yield from _render_teardown(details)
    if details.events:
        last = [(each.at, each.kind.value) for _, each in details.events[-_EVENTS:]]
        yield render_section("What happened last", render_table(("when", "what"), last, empty=""))


def _identity_facts(
    details: DatasetDetails, now: datetime, *, abandoned: bool
) -> Iterator[tuple[str, object]]:
    dataset, journey = details.dataset, details.journey
    content = dataset.content or dataset.staged
    yield "dataset", dataset.dataset_id
    yield "client", dataset.client_id
    yield "journey", f"{dataset.journey_id}, {_format_journey(details)}"
    yield "stage", dataset.stage.value
    yield "type", dataset.dataset_type.value
    yield "records", f"{dataset.record_count} ({decimal(dataset.size_bytes)}), from {dataset.data_source}"
    yield "template", f"{dataset.template.template_id} ({dataset.template.match} match)"
    yield (
        "created",
        f"{format_value(dataset.created_at)}, {format_duration((now - dataset.created_at).total_seconds())} ago",
    )
    yield "populated", dataset.populated_at if dataset.restored_from is None else None
    yield "restored from", dataset.restored_from
    yield "attempt", dataset.attempt
    for warning in content.warnings if content else ():
        yield "warning", warning
    if dataset.run:
        message = details.progress.message if details.progress else "about to begin"
        cancel = " (asked to stop)" if dataset.run.cancel_requested else ""
        what = "a refresh, " if dataset.run.is_refresh else ""
        yield "running", f"{what}since {format_value(dataset.run.started_at)}: {message}{cancel}"
        yield "worked on by", _NOBODY if abandoned else None
    if dataset.recheck:
        yield "re-check", f"pending, until {format_value(dataset.recheck.deadline)} at the latest"
    yield (
        "protection",
        _format_protection(dataset, now, by_journey=_is_protected_by_journey(journey, dataset)),
    )
    if dataset.orphan:
        served = format_duration(dataset.orphan.served)
        yield (
            "orphan",
            f"since {format_value(dataset.orphan.orphaned_at)} ({dataset.orphan.reason}), {served} of grace served",
        )


def _format_journey(details: DatasetDetails) -> str:
    journey = details.journey
    if isinstance(journey, UnreadableRow):
        return f"which cannot be read: {journey.why}"
    if journey is None:
        return "which is not on record"
    lease = (
        f", with a lease until {format_value(journey.lease_expires_at)}" if journey.lease_expires_at else ""
    )
    return f"{journey.state} at {journey.stage}{lease}"


def _is_protected_by_journey(journey: object, dataset: Dataset) -> bool:
    return isinstance(journey, Journey) and journey.protects(dataset.stage) and dataset.status in _PROTECTED


def _format_protection(dataset: Dataset, now: datetime, *, by_journey: bool) -> str:
    until = dataset.protected_until
    by_lease = f"until {format_value(until)}" if until and until > now else None
    return ", ".join(each for each in ("by its journey" if by_journey else None, by_lease) if each) or "none"


def _render_quality(report: QualityReport) -> Iterator[RenderableType]:
    verdict = "fit for use" if is_fit_for_use(report) else "not fit for use"
    rows = [
        (each.check, each.weight or "gate", each.of, each.failed, ", ".join(each.examples))
        for each in (*report.gates, *report.checks)
    ]
    columns = ("check", "weight", "of", "failed", "for example")
    yield render_section(
        f"Quality {report.score:.1f} of 100, {verdict}", render_table(columns, rows, empty="")
    )
    for findings in render_findings(quality_issues(report)):
        yield render_section("What was found", findings)
    if report.readiness:
        yield render_section("Demo-readiness", render_facts(_readiness_facts(report.readiness)))


def _readiness_facts(readiness: Readiness) -> Iterator[tuple[str, object]]:
    if readiness.share is None:
        yield "not known", readiness.unknown
        return
    yield "answered", f"{readiness.answered} of {readiness.asked} questions ({100 * readiness.share:.1f} %)"
    for each in readiness.unanswered:
        yield "not answered", each


def _render_failure(
    title: str, failure: Failure | None, action: str | None = None
) -> Iterator[RenderableType]:
    if failure is None:
        return
    yield render_section(
        f"{title} at the step {failure.step}",
        render_facts(
            (
                ("why", f"{failure.message} ({failure.code})"),
                ("when", failure.at),
                ("to be undone", ", ".join(failure.to_undo)),
            )
        ),
    )
    if action := action or failure.suggested_action:
        # A line of its own, so that the terminal does not break the command in it.
        yield Text(f"What to do: {action}")


def _format_confirmation(confirmation: Confirmation) -> str:
    """Format who confirmed, in which way, and the waiver that it includes."""
    alone = ", one person" if confirmation.self_approved else ""
    waiver = "" if confirmation.concession is Waiver.NONE else f": {confirmation.concession}"
    return f"{confirmation.by} ({confirmation.how}{alone}){waiver}"


def _render_teardown(details: DatasetDetails) -> Iterator[RenderableType]:
    teardown = details.dataset.teardown
    if teardown:
        yield render_section(
            "Teardown",
            render_facts(
                (
                    ("reason", teardown.reason.value),
                    ("asked by", teardown.requester),
                    ("confirmed by", teardown.confirmation and _format_confirmation(teardown.confirmation)),
                    *(("waived by", _format_confirmation(each)) for each in teardown.conceded),
                    ("connector", teardown.connector_outcome),
                    ("left to do", teardown.manual_step),
                )
            ),
        )
        yield from _render_failure("It stopped", teardown.failure)
    if details.archive:
        archive = parse_archive(details.archive)
        yield render_section(
            "Archive",
            render_facts(
                (
                    ("path", archive.path),
                    ("records", archive.record_count if archive.full_data else "a sample"),
                    ("size", decimal(archive.stored_bytes)),
                    ("restorable until", archive.restore_deadline or "never"),
                    ("purged", archive.purged_at),
                )
            ),
        )
