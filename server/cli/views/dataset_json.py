"""A dataset with all its details, as a JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.content import QUALITY_THRESHOLD, is_fit_for_use, readiness_report, serialize_findings
from domain.errors import format_timestamp
from domain.lifecycle import parse_archive
from domain.model import UnreadableRow, Waiver
from server.cli.views.content.sanitization import serialize_sanitization

if TYPE_CHECKING:
    from domain.lifecycle import DatasetDetails
    from domain.model import (
        CheckResult,
        Confirmation,
        Connector,
        Dataset,
        Event,
        Failure,
        Journey,
        QualityReport,
        Teardown,
    )

Document = dict[str, Any]


def serialize_dataset_summary(dataset: Dataset) -> Document:
    """Serialize the facts that a list shows of a dataset."""
    return _drop_empty(
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
        protected_until=format_timestamp(dataset.protected_until),
        created_at=format_timestamp(dataset.created_at),
        archived_at=format_timestamp(dataset.archived_at),
    )


def serialize_dataset(details: DatasetDetails, *, abandoned: bool = False) -> Document:
    """Serialize all details; what is None or empty is left out. `abandoned`: nobody works on the dataset's run."""
    dataset, progress = details.dataset, details.progress
    orphan, run = dataset.orphan, dataset.run
    content = dataset.content or dataset.staged
    return _drop_empty(
        **serialize_dataset_summary(dataset),
        data_source=dataset.data_source.value,
        template_match=dataset.template.match.value,
        restored_from=dataset.restored_from,
        populated_at=None if dataset.restored_from else format_timestamp(dataset.populated_at),
        attempt=dataset.attempt,
        generation=dataset.generation,
        checksum=content.checksum if content else None,
        warnings=list(content.warnings) if content else None,
        last_used_at=format_timestamp(dataset.last_used_at),
        quality=_serialize_quality(dataset.quality),
        sanitization=serialize_sanitization(content.sanitization)
        if content and content.sanitization
        else None,
        recheck=dataset.recheck
        and {
            "requested_at": format_timestamp(dataset.recheck.requested_at),
            "deadline": format_timestamp(dataset.recheck.deadline),
        },
        journey=_serialize_journey(details.journey),
        connector=_serialize_connector(details.connector),
        orphan=orphan
        and {
            "orphaned_at": format_timestamp(orphan.orphaned_at),
            "reason": orphan.reason,
            "served_s": int(orphan.served),
        },
        running=run
        and _drop_empty(
            since=format_timestamp(run.started_at),
            refresh=run.is_refresh or None,
            cancel_requested=run.cancel_requested,
            abandoned=abandoned or None,
        ),
        progress=progress
        and _drop_empty(
            step=progress.step, done=progress.done, total=progress.total, message=progress.message
        ),
        failure=_serialize_failure(dataset.failure),
        to_undo=[
            {
                "what": each.what,
                "cause": each.cause,
                "since": format_timestamp(each.since),
                "tries": each.tries,
            }
            for each in details.undos
        ],
        teardown=_serialize_teardown(dataset.teardown),
        archive=details.archive and _serialize_archive(details.archive),
        events=[_serialize_event(each) for _, each in details.events],
    )


def _drop_empty(**values: Any) -> Document:
    return {name: value for name, value in values.items() if value is not None and value != []}


def _serialize_quality(report: QualityReport | None) -> Document | None:
    return (
        None
        if report is None
        else {
            "score": report.score,
            "threshold": QUALITY_THRESHOLD,
            "passes": is_fit_for_use(report),
            "evaluated_at": format_timestamp(report.evaluated_at),
            "checks": [_serialize_check(each) for each in report.checks],
            "gates": [_serialize_check(each) for each in report.gates],
            **({"readiness": readiness_report(report.readiness)} if report.readiness else {}),
        }
    )


def _serialize_check(result: CheckResult) -> Document:
    return {
        "check": result.check,
        "weight": result.weight,
        "of": result.of,
        "failed": result.failed,
        "examples": list(result.examples),
        **({"findings": serialize_findings(result)} if result.findings else {}),
    }


def _serialize_journey(journey: Journey | UnreadableRow | None) -> Document | None:
    if isinstance(journey, UnreadableRow):
        return {"unreadable": journey.why}
    return (
        None
        if journey is None
        else _drop_empty(
            state=journey.state.value,
            stage=journey.stage.value,
            lease_expires_at=format_timestamp(journey.lease_expires_at),
        )
    )


def _serialize_connector(connector: Connector | None) -> Document | None:
    return (
        None
        if connector is None
        else _drop_empty(
            name=connector.name,
            connector_id=connector.connector_id,
            status=connector.status.value,
            created_at=format_timestamp(connector.created_at),
            platform=connector.fingerprint.url,
            tenant=connector.fingerprint.tenant,
            handle=connector.handle,
            last_health_check=format_timestamp(connector.last_health_check),
            last_successful_sync=format_timestamp(connector.last_successful_sync),
            message=connector.message,
        )
    )


def _serialize_failure(failure: Failure | None) -> Document | None:
    return (
        None
        if failure is None
        else _drop_empty(
            step=failure.step,
            code=failure.code,
            message=failure.message,
            recovery=failure.recovery,
            suggested_action=failure.suggested_action or None,
            at=format_timestamp(failure.at),
            attempt=failure.attempt,
            to_undo=list(failure.to_undo),
        )
    )


def _serialize_confirmation(confirmation: Confirmation) -> Document:
    waived = confirmation.concession is not Waiver.NONE
    return _drop_empty(
        how=confirmation.how,
        by=confirmation.by,
        approval_id=confirmation.approval_id,
        one_person=confirmation.self_approved or None,
        concession=confirmation.concession.value if waived else None,
    )


def _serialize_teardown(teardown: Teardown | None) -> Document | None:
    return (
        None
        if teardown is None
        else _drop_empty(
            reason=teardown.reason.value,
            requester=teardown.requester,
            started_at=format_timestamp(teardown.started_at),
            confirmed=teardown.confirmation and _serialize_confirmation(teardown.confirmation),
            conceded=[_serialize_confirmation(each) for each in teardown.conceded] or None,
            archived_path=teardown.archived_path,
            restorable_until=format_timestamp(teardown.restorable_until),
            connector_outcome=teardown.connector_outcome and teardown.connector_outcome.value,
            manual_step=teardown.manual_step,
            failure=_serialize_failure(teardown.failure),
        )
    )


def _serialize_archive(facts: Document) -> Document:
    """The record of an archive; without `restorable_until` when it holds too little for a restore."""
    if parse_archive(facts).restore_deadline is None:
        return {name: value for name, value in facts.items() if name != "restorable_until"}
    return facts


def _serialize_event(event: Event) -> Document:
    return {"kind": event.kind.value, "at": format_timestamp(event.at), "data": dict(event.data)}
