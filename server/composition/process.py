"""The services of one process, and its background work."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import structlog

from domain.audit import AuditSealer, CallAudit
from domain.connectors import may_run_saga
from domain.events import Outbox
from domain.governance import run_id_prefix
from domain.lifecycle import Dependencies
from domain.model import HEALTH_SCHEDULE, LifecycleSettings, RetryPolicy, Subscription
from domain.policy import ProvisionLimits, RateLimiter, RateLimits, SweepCaps
from server.adapters.archives.local import LocalArchives
from server.adapters.clock import RandomIds, SystemClock
from server.adapters.connector_templates import FileConnectorTemplates
from server.adapters.credentials import ConfiguredSecrets
from server.adapters.engine.null_engine import NullEngine
from server.adapters.staging.local import LocalStaging
from server.composition.glean.platform import open_platform
from server.composition.replicas.folder_markers import ensure_folder_markers
from server.composition.replicas.startup_checks import run_startup_checks, shared_folders
from server.composition.stores import build_store
from server.composition.templates import CONNECTORS, build_production_export, build_template_repository
from server.composition.use_cases import build_sagas, build_schedule_sagas, build_services
from server.doctor.disk import describe_network_disk
from server.workers.audit_sealer import seal_audit_in_background
from server.workers.loop import run_in_background
from server.workers.saga_recovery import resume_sagas_in_background
from server.workers.scheduler import Scheduler
from server.workers.webhook_delivery import DeliveryPace, deliver_webhook_events

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping
    from pathlib import Path

    from domain.model import Confirmer
    from domain.ports import Clock, Platform, Saga, Store
    from server.adapters.engine.engine import DurableEngine
    from server.adapters.webhooks import HttpCourier
    from server.composition.replicas.agreement import Replica
    from server.infra.postgres.dsn import PostgresAddress
    from server.settings import Settings
    from server.settings.events import WebhookSettings
    from tools.services import Services

_log: Final = structlog.get_logger(__name__)


@asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    sagas: bool,
    serves: bool = False,
    schedules: bool = False,
    folders: bool = False,
    replica: Replica | None = None,
    confirmer: Confirmer | None = None,
    elicits: bool = False,
) -> AsyncIterator[Services]:
    """Open the configured services of one process.

    Args:
        settings: the settings.
        sagas: whether this process runs sagas, and adopts those of dead processes. It then checks first that its
            folders are the store's, and that it agrees with the other replicas. Without, it only reads, or leaves the
            sagas that it admits to a server on the same store.
        serves: whether it is a server, which delivers events to webhooks. Another process that runs sagas finishes a
            run that nobody works on, where a call would be refused because of it.
        schedules: whether it runs the schedules; that needs `sagas`.
        folders: whether it uses the staging or archive folder without running sagas, so that their markers are checked.
        replica: as which replica of a shared store it serves.
        confirmer: asks for confirmations; by default approval requests are filed.
        elicits: whether a person may confirm at sandbox in the caller's program, where the settings do not say.

    Raises SettingsError or StoreFailedError.
    """
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        store = await stack.enter_async_context(build_store(settings))
        platform = await stack.enter_async_context(open_platform(settings))
        if sagas:
            if problem := describe_network_disk(settings):
                _log.warning("data_folder_on_network", problem=problem)
            await stack.enter_async_context(run_startup_checks(settings, store, platform, replica))
        elif folders:
            await ensure_folder_markers(store, shared_folders(settings))
        await stack.enter_async_context(seal_audit_in_background(AuditSealer(store)))
        deps = Dependencies(
            store=store,
            clock=clock,
            ids=RandomIds(),
            templates=build_template_repository(settings.mock_data_repo),
            staging=LocalStaging(settings.staging.url),
            archives=LocalArchives(settings.archival.storage_path),
            platform=platform,
            secrets=ConfiguredSecrets(settings.connectors, embedded=settings.glean.embedded),
            connectors=FileConnectorTemplates(CONNECTORS, settings.connectors.overrides),
            export=build_production_export(settings.sanitization),
            settings=_build_policy(settings, elicits=elicits),
        )
        kinds = dict(build_sagas(deps, provisions=settings.provisioning.concurrent))
        durable = _build_engine(settings, kinds, store, platform) if sagas else None
        caps = SweepCaps(count=settings.orphans.sweep_count, share=settings.orphans.sweep_share)
        services = build_services(
            deps,
            durable or NullEngine(_engine_place(settings)),
            confirmer,
            limits=ProvisionLimits(
                live_datasets_per_client=settings.limits.live_datasets_per_client,
                records_per_dataset=settings.limits.records_per_dataset,
            ),
            caps=caps,
            rates=_build_rate_limits(settings),
            withheld=settings.secrets(),
            plans=settings.schedules.plans,
            refresh_count=settings.schedules.refresh_count,
            # A command ends before runs that it resumes in the background would; a server does not.
            finishes_runs=sagas and not serves,
        )
        if durable:
            if schedules:
                # Before the engine starts: it adopts the scheduled runs of dead processes, and must know their saga.
                kinds.update(build_schedule_sagas(deps, services, durable, durable.purge))
            await stack.enter_async_context(durable)
            await stack.enter_async_context(resume_sagas_in_background(services.sagas))
            if schedules:
                scheduler = Scheduler(
                    services.schedules, durable, home=services.home, settle_s=settings.schedules.settle_s
                )
                await stack.enter_async_context(run_in_background([scheduler.run_forever(clock)]))
        if serves:
            await stack.enter_async_context(_deliver_webhooks_in_background(settings, store, clock))
        yield services


def _engine_place(settings: Settings) -> Path | PostgresAddress:
    return settings.store.address if settings.store.shared else settings.data_dir


def _build_engine(
    settings: Settings, kinds: Mapping[str, Saga], store: Store, platform: Platform
) -> DurableEngine:
    from server.adapters.engine.engine import DurableEngine

    return DurableEngine(
        _engine_place(settings),
        kinds,
        attempts=settings.sagas.attempts,
        may_run=lambda saga_id: store.read(lambda uow: may_run_saga(uow, platform.location, saga_id)),
        short_lived_prefixes=[run_id_prefix(HEALTH_SCHEDULE)],
    )


@asynccontextmanager
async def open_call_audit(settings: Settings) -> AsyncIterator[CallAudit]:
    """Open only the call audit, for a command; it is sealed in the end. Raises SettingsError or StoreFailedError."""
    async with build_store(settings) as store, seal_audit_in_background(AuditSealer(store)):
        clock = SystemClock()
        yield CallAudit(
            store,
            clock,
            RandomIds(),
            RateLimiter(store, clock, _build_rate_limits(settings)),
            withheld=settings.secrets(),
        )


def _build_policy(settings: Settings, *, elicits: bool) -> LifecycleSettings:
    return LifecycleSettings(
        sync_deadline=settings.sync_deadline,
        stop_deadline=timedelta(seconds=settings.teardown.stop_deadline_s),
        questions_deadline=timedelta(seconds=settings.provisioning.questions_deadline_s),
        retention_days=settings.archival.retention_days,
        full_data=settings.archival.full_data,
        compression=settings.archival.compression,
        orphan_grace=timedelta(days=settings.orphans.grace_days),
        records_per_dataset=settings.limits.records_per_dataset,
        attempts=settings.sagas.attempts,
        sandbox_confirmation=settings.confirmation.sandbox or ("elicitation" if elicits else "approval"),
    )


def _build_rate_limits(settings: Settings) -> RateLimits:
    return RateLimits(
        calls_per_minute=settings.limits.calls_per_minute,
        teardowns_per_hour=settings.limits.teardowns_per_hour,
        terminal_teardowns_per_hour=settings.limits.terminal_teardowns_per_hour,
    )


@asynccontextmanager
async def _deliver_webhooks_in_background(
    settings: Settings, store: Store, clock: Clock
) -> AsyncIterator[None]:
    """Deliver events to each webhook in a task of its own, so that a slow webhook delays no other."""
    events = settings.events
    retry_policy = RetryPolicy(
        attempts=events.attempts, first_s=events.first_retry_s, longest_s=events.longest_retry_s
    )
    async with AsyncExitStack() as stack:
        deliveries: list[Coroutine[Any, Any, object]] = []
        for each in events.webhooks:
            subscription = Subscription(
                webhook=each.name,
                kinds=None if each.kinds is None else frozenset(each.kinds),
                clients=None if each.clients is None else frozenset(each.clients),
            )
            courier = await stack.enter_async_context(build_courier(settings, each))
            outbox = Outbox(store, clock, subscription, retry_policy)
            deliveries.append(deliver_webhook_events(outbox, courier, owner=uuid4().hex, pace=DeliveryPace()))
        async with run_in_background(deliveries):
            yield


def build_courier(settings: Settings, webhook: WebhookSettings) -> HttpCourier:
    """Build the courier that sends events to one webhook."""
    from server.adapters.webhooks import HttpCourier

    return HttpCourier(webhook.url, webhook.secrets, clock=SystemClock(), timeout_s=settings.events.timeout_s)
