"""The composition root: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import Context
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import structlog
from anyio import to_thread

from domain.admission import Provisioning
from domain.approval_desk import Approvals
from domain.audit_log import AuditLog
from domain.auditing import Calls
from domain.claims import Teardowns
from domain.datasets import Datasets
from domain.deliveries import Retrying, Subscription
from domain.draining import Draining
from domain.errors import LifecycleError, SettingsError
from domain.event_desk import Events
from domain.health_check import HealthService
from domain.job import Outside, Policy
from domain.keeping import Keeping
from domain.mark_and_sweep import Orphans
from domain.model import Progress
from domain.monitoring import RECHECK, Monitor
from domain.orphan_facts import SweepCaps
from domain.outbox import Outbox
from domain.patience import patient
from domain.provisioning import provision
from domain.rates import UNLIMITED, RateLimits, Rates
from domain.registry import Registry
from domain.restoring import Restoring
from domain.retention import ArchiveKeeper
from domain.running import Sagas
from domain.safety import Limits
from domain.schedules import HEALTH, KIND, Schedules, prefix_of
from domain.sealing import Sealer
from domain.snapshots import Snapshots, snapshot
from domain.sweep_lists import SweepLists
from domain.teardown import tear_down
from domain.undoing import undo
from domain.webhooks import standings
from server import doctor, presence, stranded
from server.adapters.archives.local import LocalArchives
from server.adapters.connectors import FileConnectorTemplates
from server.adapters.engine.durable import DurableEngine
from server.adapters.engine.elsewhere import Elsewhere
from server.adapters.glean.admin import AdminGlean
from server.adapters.glean.limiter import Limiter
from server.adapters.secrets import ConfiguredSecrets
from server.adapters.staging.local import LocalStaging
from server.adapters.store.glance import outlook, unfinished
from server.adapters.store.sqlite import SqliteStore
from server.adapters.system import RandomIds, SystemClock
from server.adapters.templates import FolderTemplates
from server.adapters.webhooks import HttpCourier
from server.checkups.schedules import schedule_findings
from server.checkups.webhooks import webhook_findings
from server.chores import chores, rechecking
from server.delivering import Pace, deliver
from server.disk.locks import try_locks
from server.hurrying import Hurried
from server.replicas.markers import prove
from server.replicas.proving import foreseen, proved, shared_folders
from server.sandbox.database import SandboxFileError
from server.sandbox.serve import EmbeddedSandbox, run_forever
from server.scheduling import Scheduler, turns
from server.sealing import sealing
from tools.services import Services

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Collection,
        Coroutine,
        Iterator,
        Mapping,
        Sequence,
    )

    from domain.platform import Platform
    from domain.ports import Clock, Engine, Perform, Saga
    from domain.records import Store
    from domain.requests import Confirmer
    from domain.schedules import Plan
    from server.adapters.store.threaded import ThreadedStore
    from server.replicas.agreement import Replica
    from server.settings import Settings
    from server.settings.events import WebhookSettings

_log: Final = structlog.get_logger(__name__)
_BUNDLED: Final = Path(__file__).parent.parent
_CONNECTORS: Final = _BUNDLED / "mock_data" / "connectors"
_SANDBOX_URL: Final = "embedded sandbox"
_LOOK_EVERY_S: Final = 2.0
_DAY_S: Final = 86_400
_TOLD_AGAIN_S: Final = 1.0


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
        health=HealthService(outside.store, outside.platform, outside.clock),
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
    watching = HealthService(outside.store, Hurried(outside.platform), outside.clock)
    monitor = Monitor(outside.store, watching, engine)
    sagas: Mapping[str, Saga] = {
        KIND: turns(services.schedules, chores(services, monitor, purge)),
        RECHECK: rechecking(services),
    }
    return {kind: patient(saga, outside.clock, random.random) for kind, saga in sagas.items()}


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


@asynccontextmanager
async def reaching(settings: Settings) -> AsyncIterator[Platform]:
    """The Glean that is configured: somebody's, or the embedded sandbox."""
    glean = settings.glean
    limiter = Limiter(per_second=glean.requests_per_second, in_flight=glean.concurrency)
    async with AsyncExitStack() as stack:
        if glean.api_key is not None and glean.base_url is not None:
            url, key, identity = glean.base_url, glean.api_key.get_secret_value, glean.base_url
        else:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
            with _its_own_file(settings):
                sandbox = await stack.enter_async_context(EmbeddedSandbox(sandbox_path(settings)))
            url, key, identity = sandbox.base_url, lambda: sandbox.token, _SANDBOX_URL
            limiter = Limiter(per_second=_EMBEDDED_PER_SECOND, in_flight=glean.concurrency)
        yield await stack.enter_async_context(
            AdminGlean(
                url,
                key,
                clock=SystemClock(),
                identity_url=identity,
                limiter=limiter,
                timeout_s=glean.timeout_s,
            )
        )


# The embedded sandbox is our own process, and nobody else's limits are at stake.
_EMBEDDED_PER_SECOND: Final = 1000.0


def repository(path: Path | None, subdir: str) -> FolderTemplates:
    """The mock-data repository at that path, or the bundled catalogue."""
    return FolderTemplates(_BUNDLED) if path is None else FolderTemplates(path, subdir)


def store_of(settings: Settings) -> ThreadedStore:
    """The store that is configured, to be opened."""
    if settings.store.shared:
        from server.adapters.store.postgres import PostgresStore

        return PostgresStore(settings.store.address)
    return SqliteStore(settings.store_path)


def sandbox_path(settings: Settings) -> Path:
    """Where the embedded sandbox keeps its state."""
    return settings.data_dir / "glean-sandbox.sqlite"


@contextmanager
def _its_own_file(settings: Settings) -> Iterator[None]:
    try:
        yield
    except SandboxFileError as error:
        raise SettingsError(
            f"{sandbox_path(settings)} is no file of the Glean sandbox.",
            field="data_dir",
            suggested_action="Move that file away, or use another data folder.",
        ) from error


def serve_sandbox(settings: Settings, host: str, port: int, token: str | None) -> None:
    """Serve the embedded sandbox by itself until a signal comes."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with _its_own_file(settings):
        run_forever(host, port, token, sandbox_path(settings))


def pending(settings: Settings) -> bool:
    """Whether there is work that a dead process left or a command handed over; a cheap look that blocks.

    Where webhooks are to be told of events there always may be.
    """
    if settings.events.webhooks:
        return True
    if settings.store.shared:
        from server.adapters.store import postgres

        address = settings.store.address
        return postgres.unfinished(address) or DurableEngine.pending(address)
    return unfinished(settings.store_path) or DurableEngine.pending(settings.data_dir)


def serving(settings: Settings) -> bool:
    """Whether a server runs on the same data folder, or database."""
    if settings.store.shared:
        from server.postgres.presence import anybody

        return anybody(settings.store.address)
    return presence.anybody(settings.data_dir)


async def diagnosed(settings: Settings | SettingsError) -> Sequence[doctor.Finding]:
    """What `doctor` finds, over the adapters that are configured."""
    if isinstance(settings, SettingsError):
        return await doctor.diagnose(
            settings, repository=_unasked, glean=_unasked, store=_unasked, identity=_unasked
        )
    found = repository(settings.mock_data_repo.path, settings.mock_data_repo.templates_subdir)
    async with AsyncExitStack() as stack:
        opened: Store | Exception
        try:
            opened = await stack.enter_async_context(_store_as_it_is(settings))
        except (LifecycleError, doctor.NotYetError) as error:
            opened = error
        looks = _Looks(settings, opened)
        return await doctor.diagnose(
            settings,
            repository=doctor.repository_probe(found),
            glean=looks.glean,
            store=looks.store,
            identity=looks.identity,
            sagas=looks.sagas,
            replicas=looks.replicas,
            further={"webhooks": looks.webhooks, "schedules": looks.schedules},
        )


@dataclass(frozen=True, slots=True)
class _Looks:
    """What `doctor` looks at; the store as it was opened once for all, or why it could not be."""

    settings: Settings
    opened: Store | Exception

    async def glean(self) -> str:
        async with _reaching_as_it_is(self.settings) as platform:
            return await doctor.glean_probe(platform)()

    async def store(self) -> str:
        if isinstance(self.opened, Exception):
            raise self.opened
        return await doctor.store_probe(self.opened)()

    async def identity(self) -> str:
        from server.identity.keys import KeysUnavailableError, from_settings

        identity = self.settings.identity
        try:
            return f"{await from_settings(identity).count()} keys"
        except KeysUnavailableError as error:
            raise SettingsError(
                f"The keys of {identity.issuer} cannot be had, so nobody is let in: {error}.",
                field="identity",
                suggested_action="Check identity.jwks_url or identity.jwks_file, and the network between.",
            ) from error

    async def sagas(self) -> str:
        where = self.settings.store.address if self.settings.store.shared else self.settings.data_dir
        look = partial(DurableEngine.killers, where, self.settings.sagas.attempts)
        found = await self._readable().read(stranded.stranded_work)
        return stranded.told(found, await to_thread.run_sync(look))

    async def replicas(self) -> str:
        store = self._readable()
        async with _reaching_as_it_is(self.settings) as platform:
            return await foreseen(self.settings, store, platform)

    async def webhooks(self) -> Sequence[doctor.Finding]:
        known = None if isinstance(self.opened, Exception) else await self.opened.read(standings)
        return await webhook_findings(
            self.settings.events.webhooks, known, self._reach, serving=await self._served()
        )

    async def schedules(self) -> Sequence[doctor.Finding]:
        if isinstance(self.opened, Exception):
            return ()
        clock = SystemClock()
        found = await Schedules(self.opened, clock, self.settings.schedules.plans).list()
        return schedule_findings(found, clock.now(), serving=await self._served())

    def _readable(self) -> Store:
        if isinstance(self.opened, Exception):
            raise doctor.NotYetError("not looked at: there is no store to look into")
        return self.opened

    async def _reach(self, webhook: WebhookSettings) -> str | None:
        async with _courier(self.settings, webhook) as courier:
            return await courier.reach()

    async def _served(self) -> bool:
        readable = not isinstance(self.opened, Exception)
        return readable and await to_thread.run_sync(serving, self.settings)


async def _unasked() -> str:
    return "not looked at"


@asynccontextmanager
async def _store_as_it_is(settings: Settings) -> AsyncIterator[ThreadedStore]:
    """The store, without making or migrating it. Raises NotYetError when that comes first, and as `store_of` does."""
    if settings.store.shared:
        from server.adapters.store import postgres

        words = await to_thread.run_sync(postgres.outlook, settings.store.address)
    else:
        await to_thread.run_sync(try_locks, settings.data_dir)
        words = await to_thread.run_sync(outlook, settings.store_path)
    if words:
        where = settings.store.address.name if settings.store.shared else settings.store_path
        raise doctor.NotYetError(f"{where}: {words}")
    async with store_of(settings) as opened:
        yield opened


@asynccontextmanager
async def _reaching_as_it_is(settings: Settings) -> AsyncIterator[Platform]:
    """The Glean that is configured, without making a sandbox. Raises NotYetError where there is none yet."""
    if settings.glean.embedded and not sandbox_path(settings).exists():
        raise doctor.NotYetError("the embedded sandbox is made at the first start")
    async with reaching(settings) as platform:
        yield platform


def _policy(settings: Settings) -> Policy:
    return Policy(
        sync_deadline=timedelta(seconds=settings.provisioning.sync_deadline_s),
        stop_deadline=timedelta(seconds=settings.teardown.stop_deadline_s),
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
            courier = await stack.enter_async_context(_courier(settings, each))
            outbox = Outbox(store, clock, subscription, retrying)
            telling.append(deliver(outbox, courier, owner=uuid4().hex, pace=Pace()))
        async with _beside(telling):
            yield


def _courier(settings: Settings, webhook: WebhookSettings) -> HttpCourier:
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
