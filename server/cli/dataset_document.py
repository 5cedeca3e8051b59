"""A dataset as a program reads it, with all that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain import quality
from domain.errors import instant
from domain.model import Unreadable
from domain.readiness import told
from domain.vocabulary import Concession

if TYPE_CHECKING:
    from domain.datasets import Shown
    from domain.events import Event
    from domain.model import (
        CheckResult,
        Confirmation,
        Connector,
        Dataset,
        Failure,
        Journey,
        QualityReport,
        Teardown,
    )

Document = dict[str, Any]


def summary(dataset: Dataset) -> Document:
    """The facts of a row in a list."""
    return _known(
        name=dataset.name,
        dataset_id=dataset.dataset_id,
        client_id=dataset.client_id,
        journey_id=dataset.journey_id,
        stage=dataset.stage.value,
        dataset_type=dataset.dataset_type.value,
        status=dataset.status.value,
        record_count=dataset.record_count,
        size_bytes=dataset.size_bytes,
        quality_score=dataset.quality.score if dataset.quality else None,
        template_id=dataset.template.template_id,
        connector_id=dataset.connector_id,
        protected_until=instant(dataset.protected_until),
        created_at=instant(dataset.created_at),
        archived_at=instant(dataset.archived_at),
    )


def whole(shown: Shown) -> Document:
    """All facts; what is not known is left out."""
    dataset, orphan, run, progress = shown.dataset, shown.dataset.orphan, shown.dataset.run, shown.progress
    content = dataset.content or dataset.staged
    return _known(
        **summary(dataset),
        data_source=dataset.data_source.value,
        template_match=dataset.template.match.value,
        restored_from=dataset.restored_from,
        attempt=dataset.attempt,
        generation=dataset.generation,
        checksum=content.checksum if content else None,
        warnings=list(content.warnings) if content else None,
        last_used_at=instant(dataset.last_used_at),
        quality=_quality(dataset.quality),
        recheck=dataset.recheck
        and {
            "requested_at": instant(dataset.recheck.requested_at),
            "deadline": instant(dataset.recheck.deadline),
        },
        journey=_journey(shown.journey),
        connector=_connector(shown.connector),
        orphan=orphan
        and {
            "orphaned_at": instant(orphan.orphaned_at),
            "reason": orphan.reason,
            "served_s": int(orphan.served),
        },
        running=run and {"since": instant(run.started_at), "cancel_requested": run.cancel_requested},
        progress=progress
        and _known(step=progress.step, done=progress.done, total=progress.total, message=progress.message),
        failure=_failure(dataset.failure),
        to_undo=[
            {"what": each.what, "cause": each.cause, "since": instant(each.since), "tries": each.tries}
            for each in shown.undos
        ],
        teardown=_teardown(dataset.teardown),
        archive=shown.archive,
        events=[_event(each) for _, each in shown.events],
    )


def _known(**values: Any) -> Document:
    return {name: value for name, value in values.items() if value is not None and value != []}


def _quality(report: QualityReport | None) -> Document | None:
    return (
        None
        if report is None
        else {
            "score": report.score,
            "threshold": quality.THRESHOLD,
            "passes": quality.passes(report),
            "evaluated_at": instant(report.evaluated_at),
            "checks": [_check(each) for each in report.checks],
            "gates": [_check(each) for each in report.gates],
            **({"readiness": told(report.readiness)} if report.readiness else {}),
        }
    )


def _check(result: CheckResult) -> Document:
    return {
        "check": result.check,
        "weight": result.weight,
        "of": result.of,
        "failed": result.failed,
        "examples": list(result.examples),
    }


def _journey(journey: Journey | Unreadable | None) -> Document | None:
    if isinstance(journey, Unreadable):
        return {"unreadable": journey.why}
    return (
        None
        if journey is None
        else _known(
            state=journey.state.value,
            stage=journey.stage.value,
            lease_expires_at=instant(journey.lease_expires_at),
        )
    )


def _connector(connector: Connector | None) -> Document | None:
    return (
        None
        if connector is None
        else _known(
            name=connector.name,
            connector_id=connector.connector_id,
            status=connector.status.value,
            created_at=instant(connector.created_at),
            platform=connector.fingerprint.url,
            tenant=connector.fingerprint.tenant,
            handle=connector.handle,
            last_health_check=instant(connector.last_health_check),
            last_successful_sync=instant(connector.last_successful_sync),
            message=connector.message,
        )
    )


def _failure(failure: Failure | None) -> Document | None:
    return (
        None
        if failure is None
        else _known(
            step=failure.step,
            code=failure.code,
            message=failure.message,
            recovery=failure.recovery,
            suggested_action=failure.suggested_action or None,
            at=instant(failure.at),
            attempt=failure.attempt,
            to_undo=list(failure.to_undo),
        )
    )


def _confirmed(given: Confirmation) -> Document:
    conceded = given.concession is not Concession.NONE
    return _known(
        how=given.how,
        by=given.by,
        approval_id=given.approval_id,
        one_person=given.one_person or None,
        concession=given.concession.value if conceded else None,
    )


def _teardown(teardown: Teardown | None) -> Document | None:
    return (
        None
        if teardown is None
        else _known(
            reason=teardown.reason.value,
            requester=teardown.requester,
            started_at=instant(teardown.started_at),
            confirmed=teardown.confirmation and _confirmed(teardown.confirmation),
            conceded=[_confirmed(each) for each in teardown.conceded] or None,
            archived_path=teardown.archived_path,
            restorable_until=instant(teardown.restorable_until),
            connector_outcome=teardown.connector_outcome and teardown.connector_outcome.value,
            manual_step=teardown.manual_step,
            failure=_failure(teardown.failure),
        )
    )


def _event(event: Event) -> Document:
    return {"kind": event.kind.value, "at": instant(event.at), "data": dict(event.data)}
