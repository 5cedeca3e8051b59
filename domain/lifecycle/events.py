"""Events of a dataset's lifecycle, each built from its payload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.content import failed_checks, is_fit_for_use
from domain.errors import format_timestamp
from domain.model import (
    Issue,
    Provisioned,
    ProvisionFailed,
    ProvisioningStarted,
    QualityEvaluated,
    ReadinessFigures,
    Restored,
    TeardownFailed,
    TornDown,
    build_event,
    dataset_facts,
)

if TYPE_CHECKING:
    from datetime import datetime

    from domain.model import Dataset, Event, Failure, QualityReport, Readiness, Teardown


def provisioning_started_event(
    dataset: Dataset, now: datetime, *, template_id: str | None = None, restored_from: str | None = None
) -> Event:
    """The event that a dataset was admitted, with its source, or that a retry or a refresh began."""
    return build_event(
        ProvisioningStarted(
            **dataset_facts(dataset),
            attempt=dataset.attempt,
            template_id=template_id,
            restored_from=restored_from,
        ),
        now,
    )


def provisioned_event(dataset: Dataset, now: datetime) -> Event:
    """The event that a dataset is ready for use."""
    return build_event(
        Provisioned(
            **dataset_facts(dataset),
            attempt=dataset.attempt,
            record_count=dataset.record_count,
            size_bytes=dataset.size_bytes,
            score=dataset.quality.score if dataset.quality else None,
            connector_id=dataset.connector_id,
        ),
        now,
    )


def provision_failed_event(dataset: Dataset, failure: Failure, now: datetime) -> Event:
    """The event that a provision ended with this failure."""
    return build_event(
        ProvisionFailed(
            **dataset_facts(dataset),
            attempt=failure.attempt,
            step=failure.step,
            code=failure.code,
            message=failure.message,
            to_undo=list(failure.to_undo),
        ),
        now,
    )


def quality_evaluated_event(dataset: Dataset, report: QualityReport, now: datetime) -> Event:
    """The event that a quality report was made of a dataset."""
    return build_event(
        QualityEvaluated(
            **dataset_facts(dataset),
            score=report.score,
            passed=is_fit_for_use(report),
            issues=[
                Issue(check=each.check, failed=each.failed, of=each.of, examples=list(each.examples))
                for each in failed_checks(report)
            ],
            readiness=_readiness_figures(report.readiness) if report.readiness else None,
        ),
        now,
    )


def restored_event(dataset: Dataset, now: datetime) -> Event:
    """The event that an archive's documents are served again, by this dataset."""
    return build_event(
        Restored(
            **dataset_facts(dataset),
            restored_from=dataset.restored_from,
            record_count=dataset.record_count,
            checksum=dataset.content.checksum if dataset.content else None,
            protected_until=format_timestamp(dataset.protected_until),
        ),
        now,
    )


def torn_down_event(dataset: Dataset, teardown: Teardown, now: datetime) -> Event:
    """The event that a dataset was archived and removed."""
    return build_event(
        TornDown(
            **dataset_facts(dataset),
            reason=teardown.reason,
            requester=teardown.requester,
            archived_path=teardown.archived_path,
            connector_outcome=teardown.connector_outcome,
            record_count=dataset.record_count,
            manual_step=teardown.manual_step or None,
        ),
        now,
    )


def teardown_failed_event(
    dataset: Dataset, teardown: Teardown, failure: Failure, now: datetime, *, given_back: bool
) -> Event:
    """The event that a teardown stopped with this failure."""
    return build_event(
        TeardownFailed(
            **dataset_facts(dataset),
            reason=teardown.reason,
            step=failure.step,
            code=failure.code,
            message=failure.message,
            given_back=given_back,
        ),
        now,
    )


def _readiness_figures(readiness: Readiness) -> ReadinessFigures:
    if readiness.unknown is not None:
        return ReadinessFigures(asked=readiness.asked, unknown=readiness.unknown)
    return ReadinessFigures(asked=readiness.asked, answered=readiness.answered, share=readiness.share)
