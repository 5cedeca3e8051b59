"""Connector monitor: checks all connectors regularly, records and publishes changes, and starts quality re-checks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.audit import publish_events
from domain.errors import ERRORS_BY_CODE, PlatformError
from domain.model import ConnectorStatus, DatasetStatus, HealthChanged, Principal, build_event, dataset_facts
from domain.ports import Setting

if TYPE_CHECKING:
    from datetime import datetime

    from domain.connectors.health import Health
    from domain.connectors.health_service import ConnectorHealth, HealthPage, HealthService
    from domain.model import Connector, Dataset, Event
    from domain.ports import Engine, Json, Store, UnitOfWork

MONITOR_PRINCIPAL: Final = Principal(subject="schedule:health")
RECHECK: Final = "recheck"
"""The saga kind of a re-check."""
RECHECK_EVERY: Final = timedelta(hours=1)
_FRESH: Final = timedelta(minutes=5)
_LATE: Final = timedelta(seconds=75)
"""How long a connector may stay unobserved because Glean is slow: one scheduled run, not two."""
_CURSOR: Final = Setting("health.cursor", str, absent_if_unreadable=True)
PAGE_SIZE: Final = 32
_OUT_OF_REACH: Final = frozenset(
    code for code, kind in ERRORS_BY_CODE.items() if issubclass(kind, PlatformError)
)
_JUDGED: Final = frozenset({DatasetStatus.READY, DatasetStatus.VALIDATING})


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorResult:
    """Result of a run: connectors `seen`, of them `changed` and `unhealthy`; `late` are left for the next run.

    `drift` are the kinds of the drift items. `rechecks` are the sagas that re-check quality, each with its dataset.
    """

    seen: int = 0
    changed: int = 0
    unhealthy: int = 0
    late: int = 0
    drift: tuple[str, ...] = ()
    rechecks: tuple[tuple[str, str], ...] = ()

    def plus(self, other: MonitorResult) -> MonitorResult:
        """The sum of both results."""
        return MonitorResult(
            seen=self.seen + other.seen,
            changed=self.changed + other.changed,
            unhealthy=self.unhealthy + other.unhealthy,
            late=self.late + other.late,
            drift=self.drift + other.drift,
            rechecks=self.rechecks + other.rechecks,
        )

    def counts(self) -> Json:
        """The counts, with one for each kind of drift."""
        return {
            "seen": self.seen,
            "changed": self.changed,
            "unhealthy": self.unhealthy,
            "late": self.late,
            "drift": len(self.drift),
            **Counter(self.drift),
        }


class ConnectorMonitor:
    """Connector monitor: checks all connectors, page by page, and records their health."""

    def __init__(self, store: Store, health: HealthService, engine: Engine, page: int = PAGE_SIZE) -> None:
        self._store = store
        self._health = health
        self._engine = engine
        self._page = page

    async def check_connectors(self) -> MonitorResult:
        """Check every connector, or the rest of them when the last run was cut short.

        May be cancelled at any moment: each page is recorded, and the next run continues after it. Raises PlatformError
        when Glean cannot be read and there is no connector to report that on.
        """
        survey = await self._health.fetch_survey()
        total = MonitorResult(
            drift=tuple(each.kind for each in await self._health.list_drift(MONITOR_PRINCIPAL, survey))
        )
        cursor = await self._store.read(lambda uow: uow.settings.get(_CURSOR)) or None
        while True:
            page = await self._health.check(MONITOR_PRINCIPAL, limit=self._page, cursor=cursor, survey=survey)
            result = await self._store.transact(partial(_save_page, page))
            for saga_id, dataset_id in result.rechecks:
                await self._engine.start(RECHECK, saga_id, dataset_id)
            total, cursor = total.plus(result), page.next_cursor
            if cursor is None:
                return total


def _save_page(page: HealthPage, uow: UnitOfWork) -> MonitorResult:
    """Record the health of a page, and where the next page begins."""
    total = MonitorResult(drift=tuple(each.kind for each in page.drift))
    for each in page.items:
        if each.late and _is_recently_checked(each):
            total = total.plus(MonitorResult(late=1))
            continue
        changed, recheck = _save_connector_health(uow, each)
        total = total.plus(
            MonitorResult(
                seen=1,
                changed=int(changed),
                unhealthy=int(each.health.status is ConnectorStatus.UNHEALTHY),
                rechecks=(recheck,) if recheck else (),
            )
        )
    uow.settings.put(_CURSOR, page.next_cursor)
    return total


def _is_recently_checked(result: ConnectorHealth) -> bool:
    last = result.connector.last_health_check or result.connector.created_at
    return timedelta(0) <= result.health.checked_at - last < _LATE


def _save_connector_health(uow: UnitOfWork, result: ConnectorHealth) -> tuple[bool, tuple[str, str] | None]:
    """Record the health of one connector, unless a saga works on its dataset.

    Return whether the health has changed, and the re-check that is due.
    """
    stored = uow.connectors.get(result.connector.connector_id)
    dataset = uow.datasets.get(result.connector.dataset_id)
    if stored != result.connector or dataset is None or dataset.run is not None:
        return False, None
    health = result.health
    changed = health.status is not stored.status
    updated = replace(
        stored,
        status=health.status,
        last_health_check=health.checked_at,
        last_successful_sync=health.last_successful_sync,
    )
    if changed:
        publish_events(uow, _health_changed_event(dataset, stored, health))
        if health.status is ConnectorStatus.UNHEALTHY and _should_recheck(dataset, stored, health):
            updated = replace(updated, rechecked_at=health.checked_at)
    uow.connectors.put(updated)
    return changed, _due_recheck(updated, health.checked_at)


def _health_changed_event(dataset: Dataset, connector: Connector, health: Health) -> Event:
    return build_event(
        HealthChanged(
            **dataset_facts(dataset),
            connector_id=connector.connector_id,
            former_health=connector.status,
            health=health.status,
            findings=[each.code for each in health.findings],
        ),
        health.checked_at,
    )


def _should_recheck(dataset: Dataset, connector: Connector, health: Health) -> bool:
    """Whether to re-check the dataset's quality: at most once an hour, and not while Glean is out of reach."""
    at, last = health.checked_at, connector.rechecked_at
    lately = last is not None and timedelta(0) <= at - last < RECHECK_EVERY
    out_of_reach = any(each.code in _OUT_OF_REACH for each in health.findings)
    return dataset.status in _JUDGED and not lately and not out_of_reach


def _due_recheck(connector: Connector, now: datetime) -> tuple[str, str] | None:
    """The re-check that was requested lately. Its id is fixed, so it starts once, even after a process died before."""
    requested_at = connector.rechecked_at
    if requested_at is None or not timedelta(0) <= now - requested_at <= _FRESH:
        return None
    return f"{RECHECK}:{connector.connector_id}:{requested_at:%Y-%m-%dT%H:%M:%S}", connector.dataset_id
