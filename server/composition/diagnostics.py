"""The probes of `doctor`, over the configured adapters."""

from __future__ import annotations

from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from anyio import to_thread

from domain.connectors import identify_platform, load_home_status
from domain.errors import LifecycleError, PlatformError, SettingsError
from domain.events import load_webhook_statuses
from domain.governance import ScheduleService
from domain.policy import read_clock
from server.adapters.clock import SystemClock
from server.adapters.engine.engine import DurableEngine
from server.composition.glean.home_notice import configured_platform
from server.composition.glean.platform import open_existing_platform
from server.composition.process import build_courier
from server.composition.replicas.startup_checks import preview_startup_checks
from server.composition.stores import describe_unopened_store, is_server_running, open_existing_store
from server.composition.templates import build_production_export, build_template_repository
from server.doctor.clock import find_clock_problem
from server.doctor.datasources import check_datasources, load_emptied_datasources, load_serving_connectors
from server.doctor.dead_letters import list_dead_letters, require_no_dead_letters
from server.doctor.disk import check_disk
from server.doctor.home_platform import home_finding
from server.doctor.report import (
    Finding,
    ProbeSkippedError,
    diagnose,
    glean_probe,
    repository_probe,
    store_probe,
)
from server.doctor.runs import find_abandoned_runs
from server.doctor.schedules import schedule_findings
from server.doctor.search import check_search
from server.doctor.webhooks import check_webhooks
from server.workers.time_limited_platform import TimeLimitedPlatform

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from domain.ports import Store
    from server.infra.postgres.dsn import PostgresAddress
    from server.settings import Settings
    from server.settings.events import WebhookSettings
    from server.settings.identity import IdentitySettings

    KeyCounter = Callable[[IdentitySettings], Awaitable[int]]
    """Counts the issuer's keys; raises SettingsError when they are unavailable."""


async def run_doctor(
    settings: Settings | SettingsError, count_keys: KeyCounter | None = None
) -> Sequence[Finding]:
    """Run all probes of `doctor` over the configured adapters.

    Args:
        settings: the settings, or the error with which they could not be loaded.
        count_keys: counts the issuer's keys; without it, identity is not probed.
    """
    if isinstance(settings, SettingsError):
        return await diagnose(
            settings, repository=_skip_probe, glean=_skip_probe, store=_skip_probe, identity=_skip_probe
        )
    templates = build_template_repository(settings.mock_data_repo)
    async with AsyncExitStack() as stack:
        opened: Store | Exception
        try:
            opened = await stack.enter_async_context(open_existing_store(settings))
        except (LifecycleError, ProbeSkippedError) as error:
            opened = error
        probes = _Probes(settings, opened, count_keys)
        return await diagnose(
            settings,
            repository=repository_probe(templates),
            glean=probes.probe_glean,
            store=probes.probe_store,
            identity=probes.probe_identity,
            sagas=probes.probe_sagas,
            replicas=probes.probe_replicas,
            further={
                "runs": probes.probe_runs,
                "disk": probes.probe_disk,
                "search": probes.probe_search,
                "platform": probes.probe_home_platform,
                "datasources": probes.probe_datasources,
                "webhooks": probes.probe_webhooks,
                "clock": probes.probe_clock,
                "schedules": probes.probe_schedules,
                "sanitization": probes.probe_sanitization,
            },
        )


@dataclass(frozen=True, slots=True)
class _Probes:
    """The probes. They share one store, which is opened once; `opened` is the error if that failed."""

    settings: Settings
    opened: Store | Exception
    count_keys: KeyCounter | None

    async def probe_sanitization(self) -> Sequence[Finding]:
        export = build_production_export(self.settings.sanitization)
        if export is None:
            return ()
        await export.require_usable()
        path = self.settings.sanitization.export_path
        message = f"{path} has all four types; the key and the rules can be used"
        return (Finding(area="sanitization", ok=True, message=message),)

    async def probe_glean(self) -> str:
        async with open_existing_platform(self.settings) as platform:
            return await glean_probe(platform)()

    async def probe_store(self) -> str:
        if isinstance(self.opened, Exception):
            raise self.opened
        return await store_probe(self.opened)()

    async def probe_identity(self) -> str:
        if self.count_keys is None:
            return await _skip_probe()
        return f"{await self.count_keys(self.settings.identity)} keys"

    async def probe_sagas(self) -> str:
        describe = partial(DurableEngine.describe_dead_letters, self._engine_at, self.settings.sagas.attempts)
        dead_letters = await self._require_store().read(list_dead_letters)
        return require_no_dead_letters(dead_letters, await to_thread.run_sync(describe))

    async def probe_runs(self) -> Sequence[Finding]:
        if isinstance(self.opened, Exception):
            return ()
        running = await self.opened.read(lambda uow: uow.datasets.list_running())
        sagas = [each.run.saga_id for each in running if each.run is not None]
        worked_on = await to_thread.run_sync(DurableEngine.list_worked_on, self._engine_at, sagas)
        return [find_abandoned_runs(running, worked_on, serving=await self._is_served())]

    async def probe_replicas(self) -> str:
        store = self._require_store()
        async with open_existing_platform(self.settings) as platform:
            return await preview_startup_checks(self.settings, store, platform)

    async def probe_disk(self) -> Sequence[Finding]:
        return await to_thread.run_sync(check_disk, self.settings)

    async def probe_search(self) -> Sequence[Finding]:
        glean = self.settings.glean
        if glean.client_token is None or glean.embedded or glean.dialect == "admin":
            return ()
        async with open_existing_platform(self.settings) as platform:
            return await check_search(platform)

    async def probe_home_platform(self) -> Sequence[Finding]:
        if isinstance(self.opened, Exception):
            return ()
        here = configured_platform(self.settings)
        with suppress(ProbeSkippedError):  # an embedded sandbox that is not made yet has no tenant
            async with open_existing_platform(self.settings) as platform:
                here = await identify_platform(TimeLimitedPlatform(platform))
        return [home_finding(await self.opened.read(lambda uow: load_home_status(uow, here)))]

    async def probe_datasources(self) -> Sequence[Finding]:
        if isinstance(self.opened, Exception):
            return ()
        installation, connectors = await self.opened.read(load_serving_connectors)
        emptied = await self.opened.read(load_emptied_datasources)
        if not connectors and not emptied:
            return ()
        try:
            async with open_existing_platform(self.settings) as platform:
                return await check_datasources(platform, installation, connectors, emptied)
        except PlatformError:
            return ()  # the probe of Glean itself reports it

    async def probe_webhooks(self) -> Sequence[Finding]:
        known = None if isinstance(self.opened, Exception) else await self.opened.read(load_webhook_statuses)
        return await check_webhooks(
            self.settings.events.webhooks, known, self._reach_webhook, serving=await self._is_served()
        )

    async def probe_clock(self) -> Sequence[Finding]:
        if isinstance(self.opened, Exception):
            return ()
        reading = read_clock(SystemClock())
        return [await self.opened.read(lambda uow: find_clock_problem(uow, reading))]

    async def probe_schedules(self) -> Sequence[Finding]:
        if isinstance(self.opened, Exception):
            return ()
        clock = SystemClock()
        schedules = ScheduleService(self.opened, clock, self.settings.schedules.plans)
        return schedule_findings(
            await schedules.list(),
            clock.now(),
            serving=await self._is_served(),
            needed=await schedules.has_work(),
        )

    @property
    def _engine_at(self) -> Path | PostgresAddress:
        return self.settings.store.address if self.settings.store.shared else self.settings.data_dir

    def _require_store(self) -> Store:
        if isinstance(self.opened, Exception):
            raise ProbeSkippedError(f"not checked: {describe_unopened_store(self.opened)}")
        return self.opened

    async def _reach_webhook(self, webhook: WebhookSettings) -> str | None:
        async with build_courier(self.settings, webhook) as carrier:
            return await carrier.check_reachability()

    async def _is_served(self) -> bool:
        readable = not isinstance(self.opened, Exception)
        return readable and await to_thread.run_sync(is_server_running, self.settings)


async def _skip_probe() -> str:
    return "not checked"
