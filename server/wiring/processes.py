"""The services of one process, and what goes on beside them as long as it lives."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import Context
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import structlog

from domain.auditing import Calls
from domain.deliveries import Retrying, Subscription
from domain.errors import LifecycleError
from domain.job import Outside, Policy
from domain.orphan_facts import SweepCaps
from domain.outbox import Outbox
from domain.rates import RateLimits, Rates
from domain.safety import Limits
from domain.schedules import HEALTH, prefix_of
from domain.sealing import Sealer
from server.adapters.archives.local import LocalArchives
from server.adapters.connectors import FileConnectorTemplates
from server.adapters.engine.durable import DurableEngine
from server.adapters.engine.elsewhere import Elsewhere
from server.adapters.secrets import ConfiguredSecrets
from server.adapters.staging.local import LocalStaging
from server.adapters.system import RandomIds, SystemClock
from server.adapters.webhooks import HttpCourier
from server.delivering import Pace, deliver
from server.replicas.markers import prove
from server.replicas.proving import proved, shared_folders
from server.scheduling import Scheduler
from server.sealing import sealing
from server.wiring.composing import composed, sagas_of, turns_of
from server.wiring.glean import reaching
from server.wiring.stores import BUNDLED, repository, store_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from domain.ports import Clock
    from domain.records import Store
    from domain.requests import Confirmer
    from domain.running import Sagas
    from server.replicas.agreement import Replica
    from server.settings import Settings
    from server.settings.events import WebhookSettings
    from tools.services import Services

_log: Final = structlog.get_logger(__name__)
_CONNECTORS: Final = BUNDLED / "mock_data" / "connectors"
_LOOK_EVERY_S: Final = 2.0
_TOLD_AGAIN_S: Final = 1.0


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    sagas: bool,
    serves: bool = False,
    schedules: bool = False,
    folders: bool = False,
    replica: Replica | None = None,
    confirmer: Confirmer | None = None,
) -> AsyncIterator[Services]:
    """The services of one process, as configured.

    With `sagas` this process runs them, and adopts those of dead processes; without, it only looks, or leaves what it
    admits to a server on the same folder. One that `serves` tells webhooks of events, too; one that keeps the
    `schedules` runs sagas, and does what is due by itself. One that runs sagas first proves that its folders are the
    store's and that it agrees with those beside it, of whom it is one as that `replica`; one that needs the `folders`
    proves those. Raises SettingsError or StoreFailedError.
    """
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        store = await stack.enter_async_context(store_of(settings))
        platform = await stack.enter_async_context(reaching(settings))
        if sagas:
            await stack.enter_async_context(proved(settings, store, platform, replica))
        elif folders:
            await prove(store, shared_folders(settings))
        await stack.enter_async_context(sealing(Sealer(store)))
        outside = Outside(
            store=store,
            clock=clock,
            ids=RandomIds(),
            templates=repository(settings.mock_data_repo.path, settings.mock_data_repo.templates_subdir),
            staging=LocalStaging(settings.staging.url),
            archives=LocalArchives(settings.archival.storage_path),
            platform=platform,
            secrets=ConfiguredSecrets(settings.connectors, embedded=settings.glean.embedded),
            connectors=FileConnectorTemplates(_CONNECTORS, settings.connectors.overrides),
            policy=_policy(settings),
        )
        kinds = dict(sagas_of(outside, provisions=settings.provisioning.concurrent))
        engine: DurableEngine | Elsewhere = Elsewhere()
        if sagas:
            engine = DurableEngine(
                settings.store.address if settings.store.shared else settings.data_dir,
                kinds,
                attempts=settings.sagas.attempts,
                passing=[prefix_of(HEALTH)],
            )
        caps = SweepCaps(count=settings.orphans.sweep_count, share=settings.orphans.sweep_share)
        services = composed(
            outside,
            engine,
            confirmer,
            limits=Limits(
                live_datasets_per_client=settings.limits.live_datasets_per_client,
                records_per_dataset=settings.limits.records_per_dataset,
            ),
            caps=caps,
            rates=_rates(settings),
            withheld=settings.secrets(),
            plans=settings.schedules.plans,
        )
        if isinstance(engine, DurableEngine):
            if schedules:  # a turn is known to the engine before it looks what dead processes left
                kinds.update(turns_of(outside, services, engine, engine.purge))
            await stack.enter_async_context(engine)
            await stack.enter_async_context(_looking_after(services.sagas))
        if schedules:
            scheduler = Scheduler(services.schedules, engine)
            await stack.enter_async_context(_beside([scheduler.keep_looking(clock)]))
        if serves:
            await stack.enter_async_context(_delivering(settings, store, clock))
        yield services


@asynccontextmanager
async def recording(settings: Settings) -> AsyncIterator[Calls]:
    """The record of calls alone, for a command, sealed in the end. Raises SettingsError or StoreFailedError."""
    async with store_of(settings) as store, sealing(Sealer(store)):
        clock = SystemClock()
        yield Calls(
            store, clock, RandomIds(), Rates(store, clock, _rates(settings)), withheld=settings.secrets()
        )


def _policy(settings: Settings) -> Policy:
    return Policy(
        sync_deadline=settings.sync_deadline,
        stop_deadline=timedelta(seconds=settings.teardown.stop_deadline_s),
        questions_deadline=timedelta(seconds=settings.provisioning.questions_deadline_s),
        retention_days=settings.archival.retention_days,
        full_data=settings.archival.full_data,
        compression=settings.archival.compression,
        orphan_grace=timedelta(days=settings.orphans.grace_days),
        records_per_dataset=settings.limits.records_per_dataset,
        attempts=settings.sagas.attempts,
    )


def _rates(settings: Settings) -> RateLimits:
    return RateLimits(
        calls_per_minute=settings.limits.calls_per_minute,
        teardowns_per_hour=settings.limits.teardowns_per_hour,
    )


@asynccontextmanager
async def _looking_after(sagas: Sagas) -> AsyncIterator[None]:
    """Take up, now and every few seconds, what was admitted and runs nowhere, and what is still to be undone."""

    async def look() -> None:
        patiently, told = False, ""
        while True:
            try:
                await sagas.resume(patiently=patiently)
                patiently, told = True, ""
            except Exception as error:  # noqa: BLE001 - nobody else looks here; the next look may succeed
                if str(error) != told:
                    told = str(error)
                    _log.warning("left_for_later", cause=told, exc_info=not isinstance(error, LifecycleError))
            await asyncio.sleep(_LOOK_EVERY_S)

    async with _beside([look()]):
        yield


@asynccontextmanager
async def _delivering(settings: Settings, store: Store, clock: Clock) -> AsyncIterator[None]:
    """Tell each webhook of events, each in a task of its own, so that none holds up another or anything else."""
    events = settings.events
    retrying = Retrying(
        attempts=events.attempts, first_s=events.first_retry_s, longest_s=events.longest_retry_s
    )
    async with AsyncExitStack() as stack:
        telling: list[Coroutine[Any, Any, object]] = []
        for each in events.webhooks:
            subscription = Subscription(
                webhook=each.name,
                kinds=None if each.kinds is None else frozenset(each.kinds),
                clients=None if each.clients is None else frozenset(each.clients),
            )
            carrier = await stack.enter_async_context(courier(settings, each))
            outbox = Outbox(store, clock, subscription, retrying)
            telling.append(deliver(outbox, carrier, owner=uuid4().hex, pace=Pace()))
        async with _beside(telling):
            yield


def courier(settings: Settings, webhook: WebhookSettings) -> HttpCourier:
    """What carries events to one webhook."""
    return HttpCourier(webhook.url, webhook.secrets, clock=SystemClock(), timeout_s=settings.events.timeout_s)


@asynccontextmanager
async def _beside(work: Sequence[Coroutine[Any, Any, object]]) -> AsyncIterator[None]:
    """Do all of this beside everything else, each by itself, until the context is left.

    One that a cancellation does not reach, because a time-out of its own came at the same moment, is told again.
    """
    left = {asyncio.create_task(each, context=Context()) for each in work}
    try:
        yield
    finally:
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=_TOLD_AGAIN_S)
