"""Connectors looked at again and again: what has changed is kept, announced, and puts quality to another check."""

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
"""The kind of saga that a re-check is."""
RECHECK_EVERY: Final = timedelta(hours=1)
_FRESH: Final = timedelta(minutes=5)
_LATE: Final = timedelta(seconds=75)
"""So long a connector may stay unseen because Glean is slow: one turn, not two."""
_CURSOR: Final = Setting("health.cursor", str, absent_if_unreadable=True)
PAGE_SIZE: Final = 32
_OUT_OF_REACH: Final = frozenset(
    code for code, kind in ERRORS_BY_CODE.items() if issubclass(kind, PlatformError)
)
_JUDGED: Final = frozenset({DatasetStatus.READY, DatasetStatus.VALIDATING})


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorResult:
    """What a turn saw: connectors `seen`, of them `changed` and `unhealthy`, and `late` those left for the next turn.

    `drift` are the kinds of what differs between Glean and us, and `rechecks` the sagas that judge quality again, each
    with its dataset.
    """

    seen: int = 0
    changed: int = 0
    unhealthy: int = 0
    late: int = 0
    drift: tuple[str, ...] = ()
    rechecks: tuple[tuple[str, str], ...] = ()

    def plus(self, other: MonitorResult) -> MonitorResult:
        """Both together."""
        return MonitorResult(
            seen=self.seen + other.seen,
            changed=self.changed + other.changed,
            unhealthy=self.unhealthy + other.unhealthy,
            late=self.late + other.late,
            drift=self.drift + other.drift,
            rechecks=self.rechecks + other.rechecks,
        )

    def counts(self) -> Json:
        """The counts."""
        return {
            "seen": self.seen,
            "changed": self.changed,
            "unhealthy": self.unhealthy,
            "late": self.late,
            "drift": len(self.drift),
            **Counter(self.drift),
        }


class ConnectorMonitor:
    """Looks at all connectors, page by page, and writes down how they are."""

    def __init__(self, store: Store, health: HealthService, engine: Engine, page: int = PAGE_SIZE) -> None:
        self._store = store
        self._health = health
        self._engine = engine
        self._page = page

    async def check_connectors(self) -> MonitorResult:
        """Look at every connector, or at the rest of them when the last turn was cut short.

        May be cancelled at any moment: what was seen is kept, and the next turn goes on from there. Raises
        PlatformError when Glean cannot be read and there is no connector that could carry the finding.
        """
        survey = await self._health.fetch_survey()
        looked = MonitorResult(
            drift=tuple(each.kind for each in await self._health.list_drift(MONITOR_PRINCIPAL, survey))
        )
        cursor = await self._store.read(lambda uow: uow.settings.get(_CURSOR)) or None
        while True:
            page = await self._health.check(MONITOR_PRINCIPAL, limit=self._page, cursor=cursor, survey=survey)
            seen = await self._store.transact(partial(_save_page, page))
            for saga_id, dataset_id in seen.rechecks:
                await self._engine.start(RECHECK, saga_id, dataset_id)
            looked, cursor = looked.plus(seen), page.next_cursor
            if cursor is None:
                return looked


def _save_page(page: HealthPage, uow: UnitOfWork) -> MonitorResult:
    """Keep what a page saw, and where to go on."""
    looked = MonitorResult(drift=tuple(each.kind for each in page.drift))
    for each in page.items:
        if each.late and _is_recently_checked(each):
            looked = looked.plus(MonitorResult(late=1))
            continue
        changed, recheck = _save_connector_health(uow, each)
        looked = looked.plus(
            MonitorResult(
                seen=1,
                changed=int(changed),
                unhealthy=int(each.health.status is ConnectorStatus.UNHEALTHY),
                rechecks=(recheck,) if recheck else (),
            )
        )
    uow.settings.put(_CURSOR, page.next_cursor)
    return looked


def _is_recently_checked(seen: ConnectorHealth) -> bool:
    last = seen.connector.last_health_check or seen.connector.created_at
    return timedelta(0) <= seen.health.checked_at - last < _LATE


def _save_connector_health(uow: UnitOfWork, seen: ConnectorHealth) -> tuple[bool, tuple[str, str] | None]:
    """Keep how one connector is, unless somebody works on it; whether that is a change, and the re-check it needs."""
    held = uow.connectors.get(seen.connector.connector_id)
    dataset = uow.datasets.get(seen.connector.dataset_id)
    if held != seen.connector or dataset is None or dataset.run is not None:
        return False, None
    health = seen.health
    changed = health.status is not held.status
    kept = replace(
        held,
        status=health.status,
        last_health_check=health.checked_at,
        last_successful_sync=health.last_successful_sync,
    )
    if changed:
        publish_events(uow, _health_changed_event(dataset, held, health))
        if health.status is ConnectorStatus.UNHEALTHY and _should_recheck(dataset, held, health):
            kept = replace(kept, rechecked_at=health.checked_at)
    uow.connectors.put(kept)
    return changed, _due_recheck(kept, health.checked_at)


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
    """Whether its quality is to be judged again: once an hour at most, and not of what cannot be looked at now."""
    at, last = health.checked_at, connector.rechecked_at
    lately = last is not None and timedelta(0) <= at - last < RECHECK_EVERY
    out_of_reach = any(each.code in _OUT_OF_REACH for each in health.findings)
    return dataset.status in _JUDGED and not lately and not out_of_reach


def _due_recheck(connector: Connector, now: datetime) -> tuple[str, str] | None:
    """The re-check that was asked for a moment ago: started once by its id, also when a process died before it was."""
    asked = connector.rechecked_at
    if asked is None or not timedelta(0) <= now - asked <= _FRESH:
        return None
    return f"{RECHECK}:{connector.connector_id}:{asked:%Y-%m-%dT%H:%M:%S}", connector.dataset_id
