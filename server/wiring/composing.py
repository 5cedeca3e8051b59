"""The use cases and sagas over one set of adapters, whichever they are."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.admission import Provisioning
from domain.approval_desk import Approvals
from domain.audit_log import AuditLog
from domain.auditing import Calls
from domain.claims import Teardowns
from domain.datasets import Datasets
from domain.draining import Draining
from domain.event_desk import Events
from domain.health_check import HealthService
from domain.keeping import Keeping
from domain.mark_and_sweep import Orphans
from domain.model import Progress
from domain.monitoring import RECHECK, Monitor
from domain.patience import patient
from domain.provisioning import provision
from domain.rates import UNLIMITED, RateLimits, Rates
from domain.registry import Registry
from domain.restoring import Restoring
from domain.retention import ArchiveKeeper
from domain.running import Sagas
from domain.schedules import KIND, Schedules
from domain.sealing import Sealer
from domain.snapshots import Snapshots, snapshot
from domain.sweep_lists import SweepLists
from domain.teardown import tear_down
from domain.undoing import undo
from server.chores import chores, rechecking
from server.hurrying import Hurried
from server.scheduling import turns
from tools.services import Services

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from domain.job import Outside
    from domain.orphan_facts import SweepCaps
    from domain.platform import Watched
    from domain.ports import Engine, Perform, Saga
    from domain.requests import Confirmer
    from domain.safety import Limits
    from domain.schedules import Plan

_DAY_S: Final = 86_400


def sagas_of(outside: Outside, *, provisions: int = 4) -> Mapping[str, Saga]:
    """The sagas by kind, as the engine runs them: so many provisions at once, while others wait for their turn."""
    turns = asyncio.Semaphore(provisions)

    async def provision_in_turn(perform: Perform, dataset_id: str, saga_id: str) -> None:
        if turns.locked():
            waiting = Progress(step="queue", message="waiting for its turn", saga_id=saga_id)
            outside.store.report(dataset_id, waiting)
        async with turns:
            await provision(outside, perform, dataset_id, saga_id)

    sagas: Mapping[str, Saga] = {
        "provision": provision_in_turn,
        "teardown": partial(tear_down, outside),
        "undo": partial(undo, outside),
        "snapshot": partial(snapshot, outside),
    }
    return {kind: patient(saga, outside.clock, random.random) for kind, saga in sagas.items()}


def composed(
    outside: Outside,
    engine: Engine,
    confirmer: Confirmer | None = None,
    *,
    limits: Limits | None = None,
    caps: SweepCaps | None = None,
    rates: RateLimits = UNLIMITED,
    withheld: Collection[str] = (),
    plans: Sequence[Plan] = (),
) -> Services:
    """The use cases over one set of adapters; a person is asked by approval requests, unless a confirmer is given.

    Of the secrets that are `withheld` none goes on record.
    """
    counted = Rates(outside.store, outside.clock, rates)
    approvals = Approvals(outside)
    sagas = Sagas(outside.store, engine, outside.clock, attempts=outside.policy.attempts)
    teardowns = Teardowns(outside, sagas, confirmer or approvals, counted)
    grace_days = outside.policy.orphan_grace.total_seconds() / _DAY_S
    return Services(
        calls=Calls(outside.store, outside.clock, outside.ids, counted, withheld),
        registry=Registry(outside.store, outside.clock),
        provisioning=Provisioning(outside, sagas, limits),
        restoring=Restoring(outside, sagas, limits),
        teardowns=teardowns,
        approvals=approvals,
        health=_watching(outside, outside.platform),
        orphans=Orphans(outside.store, outside.clock, grace_days=grace_days, caps=caps),
        sweep_lists=SweepLists(outside, teardowns),
        datasets=Datasets(outside),
        archives=ArchiveKeeper(outside.store, outside.archives, outside.clock, caps),
        snapshots=Snapshots(outside, sagas),
        keeping=Keeping(outside.store, outside.clock),
        draining=Draining(outside.store, outside.clock),
        audit=AuditLog(outside.store, outside.clock, Sealer(outside.store)),
        events=Events(outside.store, outside.clock),
        schedules=Schedules(outside.store, outside.clock, plans),
        templates=outside.templates,
        sagas=sagas,
        clock=outside.clock,
    )


def turns_of(
    outside: Outside,
    services: Services,
    engine: Engine,
    purge: Callable[[], Awaitable[None]],
) -> Mapping[str, Saga]:
    """The sagas by kind that a process needs which keeps the schedules; `purge` has the engine forget old ones."""
    monitor = Monitor(outside.store, _watching(outside, Hurried(outside.platform)), engine)
    sagas: Mapping[str, Saga] = {
        KIND: turns(services.schedules, chores(services, monitor, purge)),
        RECHECK: rechecking(services),
    }
    return {kind: patient(saga, outside.clock, random.random) for kind, saga in sagas.items()}


def _watching(outside: Outside, platform: Watched) -> HealthService:
    return HealthService(outside.store, platform, outside.clock, sync_deadline=outside.policy.sync_deadline)
