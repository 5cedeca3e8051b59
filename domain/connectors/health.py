"""Health of a connector: one verdict from the platform's observation and our own records, for every dialect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.model import ConnectorStatus

if TYPE_CHECKING:
    from datetime import datetime

    from domain.errors import PlatformError
    from domain.model import Connector
    from domain.ports import Observation

SYNC_DEADLINE: Final = timedelta(minutes=30)
MANY_ERRORS: Final = 10
"""This many errors in a day make a connector unhealthy, whatever the platform reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFinding:
    """Finding: one problem of a connector, with what to do about it."""

    code: str
    message: str
    suggested_action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Health of a connector. None: not known. `freshness_s` is the age of the last successful sync, in seconds."""

    status: ConnectorStatus
    last_successful_sync: datetime | None
    error_count_24h: int | None
    freshness_s: int | None
    checked_at: datetime
    findings: tuple[HealthFinding, ...] = ()


_MISSING: Final = HealthFinding(
    code="missing",
    message="Glean reports that this connector does not exist.",
    suggested_action="Take the dataset down, and provision it again if it is needed.",
)
_NOT_OURS: Final = HealthFinding(
    code="not_ours",
    message="The datasource in Glean under this connector's id does not carry this dataset's owner tag.",
    suggested_action="Ask a person to inspect it in Glean: this server does not change it.",
)
_UNHEALTHY: Final = HealthFinding(
    code="reported_unhealthy",
    message="Glean reports this connector as unhealthy.",
    suggested_action="Look at the connector in Glean; its last sync failed, or its source cannot be read.",
)
_OVERDUE: Final = HealthFinding(
    code="sync_overdue",
    message="A sync has run past its deadline.",
    suggested_action="Cancel the provision that waits for it, or ask a person to inspect the sync in Glean.",
)
_NEVER: Final = HealthFinding(
    code="never_synced",
    message="It was created, and no sync has finished within the time that a sync may take.",
    suggested_action="Provision the dataset again with retry.",
)
_STALE: Final = HealthFinding(
    code="stale",
    message="Glean does not serve what was pushed last: another upload came after it.",
    suggested_action="Ask a person to find out who else pushes to it; then take it down, and provision it again.",
)
_FAILED: Final = HealthFinding(
    code="provision_failed",
    message="The provision that made this connector failed.",
    suggested_action="Provision the dataset again with retry, or take it down.",
)


def assess_health(
    observation: Observation,
    connector: Connector,
    *,
    own_errors_24h: int,
    documents: int | None,
    now: datetime,
    run: str | None = None,
    ours: bool = True,
    sync_deadline: timedelta = SYNC_DEADLINE,
) -> Health:
    """Assess a connector by what the platform reports, however little that is, and by our own records.

    Args:
        observation: what the platform reports.
        connector: our record.
        own_errors_24h: calls for it that failed within a day, by our own records.
        documents: how many it must serve, None when that is not known.
        now: the instant of the observation.
        run: the run that it must serve, None when that is not known.
        ours: False when the platform lists it without our owner tag.
        sync_deadline: how long a sync may take.
    """
    status, finding = _assess_status(observation, connector, now - sync_deadline, run, ours=ours)
    errors = max(own_errors_24h, observation.error_count_24h or 0)
    served = observation.document_count
    findings = [] if finding is None else [finding]
    if (
        status is ConnectorStatus.HEALTHY
        and documents is not None
        and served is not None
        and served != documents
    ):
        findings.append(_document_count_finding(served, documents))
        status = ConnectorStatus.UNHEALTHY if served < documents else status
    if errors:
        findings.append(_errors_finding(errors))
    if errors >= MANY_ERRORS and status in {ConnectorStatus.HEALTHY, ConnectorStatus.SYNCING}:
        status = ConnectorStatus.UNHEALTHY
    last = observation.last_successful_sync or connector.last_successful_sync
    return Health(
        status=status,
        last_successful_sync=last,
        error_count_24h=errors,
        freshness_s=None if last is None else max(0, int((now - last).total_seconds())),
        checked_at=now,
        findings=tuple(findings),
    )


def _assess_status(
    observation: Observation, connector: Connector, too_old: datetime, run: str | None, *, ours: bool
) -> tuple[ConnectorStatus, HealthFinding | None]:
    if connector.status is ConnectorStatus.DISCONNECTED:
        return ConnectorStatus.DISCONNECTED, None
    finding = _gravest_finding(observation, connector, too_old, run, ours=ours)
    if finding is not None:
        return ConnectorStatus.FAILED if finding is _FAILED else ConnectorStatus.UNHEALTHY, finding
    if _is_syncing(observation):
        return ConnectorStatus.SYNCING, None
    return ConnectorStatus.HEALTHY if _has_synced(observation) else ConnectorStatus.CREATING, None


def _gravest_finding(
    observation: Observation, connector: Connector, too_old: datetime, run: str | None, *, ours: bool
) -> HealthFinding | None:
    """The gravest finding, which alone decides the status; None when there is none."""
    mark, since = observation.mark, observation.syncing_since
    other = run is not None and observation.run not in {None, run}
    candidates = (
        (not observation.present, _MISSING),
        (not ours or (mark is not None and mark.dataset_id != connector.dataset_id), _NOT_OURS),
        (connector.status is ConnectorStatus.FAILED, _FAILED),
        (observation.status == "unhealthy", _UNHEALTHY),
        (_is_syncing(observation) and since is not None and since <= too_old, _OVERDUE),
        (
            not _is_syncing(observation) and not _has_synced(observation) and connector.created_at <= too_old,
            _NEVER,
        ),
        (not _is_syncing(observation) and other, _STALE),
    )
    return next((finding for holds, finding in candidates if holds), None)


def _is_syncing(observation: Observation) -> bool:
    return bool(observation.syncing) or observation.status == "syncing"


def _has_synced(observation: Observation) -> bool:
    return observation.status == "healthy" or observation.last_successful_sync is not None


def _document_count_finding(served: int, documents: int) -> HealthFinding:
    fewer = served < documents
    return HealthFinding(
        code="documents_missing" if fewer else "documents_unexpected",
        message=f"Glean serves {served} documents of this connector; {documents} were pushed.",
        suggested_action="Provision the dataset again with retry."
        if fewer
        else "Ask a person to find out who else pushes to it.",
    )


def _errors_finding(count: int) -> HealthFinding:
    return HealthFinding(
        code="errors_24h",
        message=f"{count} errors within 24 hours.",
        suggested_action="Look at the connector in Glean, and at this server's log for the calls that failed.",
    )


def unobserved_health(
    connector: Connector, *, own_errors_24h: int, now: datetime, error: PlatformError | None
) -> Health:
    """Health of a connector that was not observed: not created yet, disconnected, or (with the error) out of reach."""
    finding: HealthFinding | None = None
    if error is not None:
        status = ConnectorStatus.UNHEALTHY
        finding = HealthFinding(
            code=error.code,
            message=f"Its state is unknown: {error.message}",
            suggested_action=error.suggested_action,
        )
    else:
        settled = connector.status in {ConnectorStatus.DISCONNECTED, ConnectorStatus.FAILED}
        status = connector.status if settled else ConnectorStatus.CREATING
        finding = _FAILED if connector.status is ConnectorStatus.FAILED else None
    last = connector.last_successful_sync
    return Health(
        status=status,
        last_successful_sync=last,
        error_count_24h=own_errors_24h,
        freshness_s=None if last is None else max(0, int((now - last).total_seconds())),
        checked_at=now,
        findings=() if finding is None else (finding,),
    )
