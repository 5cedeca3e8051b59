"""A dataset as a person reads it, with all that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.filesize import decimal

from domain import quality
from domain.archives import archive_from
from domain.model import Journey, Unreadable
from domain.vocabulary import Concession, DatasetStatus
from server.cli.output import facts, plain, section, span, table, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rich.console import RenderableType

    from domain.datasets import Shown
    from domain.model import Confirmation, Dataset, Failure, QualityReport, Readiness

_EVENTS: Final = 8
_PROTECTED: Final = frozenset({DatasetStatus.PROVISIONING, DatasetStatus.VALIDATING, DatasetStatus.READY})


def paragraphs(shown: Shown, now: datetime) -> Iterator[RenderableType]:
    """What it is, how good, what serves it, what is wrong with it, what is kept of it, and what happened last."""
    dataset = shown.dataset
    yield section(f"{dataset.name} is {dataset.status}", facts(_identity(shown, now)))
    if dataset.quality:
        yield from _quality(dataset.quality)
    if shown.connector:
        connector = shown.connector
        yield section(
            "Connector",
            facts(
                (
                    ("name", connector.name),
                    ("status", text(connector.status.value)),
                    ("in", connector.fingerprint.url),
                    ("last synced", connector.last_successful_sync),
                    ("last looked at", connector.last_health_check),
                    ("message", connector.message),
                    ("id", connector.connector_id),
                )
            ),
        )
    yield from _failure("It failed", dataset.failure)
    if shown.undos:
        rows = [(each.what, each.cause, each.since, each.tries) for each in shown.undos]
        columns = ("what", "why not yet", "since", "tries")
        yield section("Still to be undone", table(columns, rows, empty=""))
    yield from _taking_down(shown)
    if shown.events:
        last = [(each.at, each.kind.value) for _, each in shown.events[-_EVENTS:]]
        yield section("What happened last", table(("when", "what"), last, empty=""))


def _identity(shown: Shown, now: datetime) -> Iterator[tuple[str, object]]:
    dataset, journey = shown.dataset, shown.journey
    content = dataset.content or dataset.staged
    yield "dataset", dataset.dataset_id
    yield "client", dataset.client_id
    yield "journey", f"{dataset.journey_id}, {_stands(shown)}"
    yield "stage", dataset.stage.value
    yield "type", dataset.dataset_type.value
    yield "records", f"{dataset.record_count} ({decimal(dataset.size_bytes)}), from {dataset.data_source}"
    yield "template", f"{dataset.template.template_id} ({dataset.template.match} match)"
    yield "made", f"{plain(dataset.created_at)}, {span((now - dataset.created_at).total_seconds())} ago"
    yield "restored from", dataset.restored_from
    yield "attempt", dataset.attempt
    for warning in content.warnings if content else ():
        yield "warning", warning
    if dataset.run:
        message = shown.progress.message if shown.progress else "about to begin"
        asked = " (asked to stop)" if dataset.run.cancel_requested else ""
        yield "running", f"since {plain(dataset.run.started_at)}: {message}{asked}"
    if dataset.recheck:
        yield "re-check", f"pending until {plain(dataset.recheck.deadline)} at the latest"
    yield "protection", _protection(dataset, now, by_journey=_protects(journey, dataset))
    if dataset.orphan:
        served = span(dataset.orphan.served)
        yield (
            "orphan",
            f"since {plain(dataset.orphan.orphaned_at)} ({dataset.orphan.reason}), {served} of grace served",
        )


def _stands(shown: Shown) -> str:
    journey = shown.journey
    if isinstance(journey, Unreadable):
        return f"which cannot be read: {journey.why}"
    if journey is None:
        return "which is not on record"
    lease = f", with a lease until {plain(journey.lease_expires_at)}" if journey.lease_expires_at else ""
    return f"{journey.state} at {journey.stage}{lease}"


def _protects(journey: object, dataset: Dataset) -> bool:

    return isinstance(journey, Journey) and journey.protects(dataset.stage) and dataset.status in _PROTECTED


def _protection(dataset: Dataset, now: datetime, *, by_journey: bool) -> str:
    until = dataset.protected_until
    by_lease = f"kept until {plain(until)}" if until and until > now else None
    return ", ".join(each for each in ("by its journey" if by_journey else None, by_lease) if each) or "none"


def _quality(report: QualityReport) -> Iterator[RenderableType]:
    verdict = "fit for use" if quality.passes(report) else "not fit for use"
    rows = [
        (each.check, each.weight or "gate", each.of, each.failed, ", ".join(each.examples))
        for each in (*report.gates, *report.checks)
    ]
    columns = ("check", "weight", "of", "failed", "for example")
    yield section(f"Quality {report.score:.1f} of 100, {verdict}", table(columns, rows, empty=""))
    if report.readiness:
        yield section("Demo-readiness", facts(_readiness(report.readiness)))


def _readiness(found: Readiness) -> Iterator[tuple[str, object]]:
    if found.share is None:
        yield "not known", found.unknown
        return
    yield "answered", f"{found.answered} of {found.asked} questions ({100 * found.share:.1f} %)"
    for each in found.unanswered:
        yield "not answered", each


def _failure(title: str, failure: Failure | None) -> Iterator[RenderableType]:
    if failure is None:
        return
    yield section(
        f"{title} at the step {failure.step}",
        facts(
            (
                ("why", f"{failure.message} ({failure.code})"),
                ("when", failure.at),
                ("what to do", failure.suggested_action),
                ("to be undone", ", ".join(failure.to_undo)),
            )
        ),
    )


def _word(given: Confirmation) -> str:
    """Whose word it is, how it came, and what it concedes."""
    alone = ", one person" if given.one_person else ""
    conceded = "" if given.concession is Concession.NONE else f": {given.concession}"
    return f"{given.by} ({given.how}{alone}){conceded}"


def _taking_down(shown: Shown) -> Iterator[RenderableType]:
    teardown = shown.dataset.teardown
    if teardown:
        yield section(
            "Teardown",
            facts(
                (
                    ("reason", teardown.reason.value),
                    ("asked by", teardown.requester),
                    ("confirmed by", teardown.confirmation and _word(teardown.confirmation)),
                    *(("conceded by", _word(each)) for each in teardown.conceded),
                    ("connector", teardown.connector_outcome),
                    ("left to do", teardown.manual_step),
                )
            ),
        )
        yield from _failure("It stopped", teardown.failure)
    if shown.archive:
        archive = archive_from(shown.archive)
        yield section(
            "Archive",
            facts(
                (
                    ("path", archive.path),
                    ("records", archive.record_count if archive.full_data else "a sample"),
                    ("size", decimal(archive.stored_bytes)),
                    ("restorable until", archive.restorable_until),
                    ("purged", archive.purged_at),
                )
            ),
        )
