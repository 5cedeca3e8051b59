"""What `doctor` looks at, over the adapters that are configured."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from anyio import to_thread

from domain.errors import LifecycleError, PlatformError, SettingsError
from domain.schedules import ScheduleService
from domain.webhooks import load_webhook_statuses
from server import doctor, stranded
from server.adapters.engine.durable import DurableEngine
from server.adapters.system import SystemClock
from server.checkups.datasources import check_datasources, load_emptied_datasources, load_serving_connectors
from server.checkups.schedules import schedule_findings
from server.checkups.search import check_search
from server.checkups.webhooks import check_webhooks
from server.replicas.proving import preview_startup_checks
from server.wiring.glean import open_existing_platform
from server.wiring.processes import build_courier
from server.wiring.stores import build_template_repository, is_server_running, open_existing_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.records import Store
    from server.settings import Settings
    from server.settings.events import WebhookSettings


async def run_doctor(settings: Settings | SettingsError) -> Sequence[doctor.Finding]:
    """What `doctor` finds, over the adapters that are configured."""
    if isinstance(settings, SettingsError):
        return await doctor.diagnose(
            settings, repository=_skip_probe, glean=_skip_probe, store=_skip_probe, identity=_skip_probe
        )
    found = build_template_repository(settings.mock_data_repo.path, settings.mock_data_repo.templates_subdir)
    async with AsyncExitStack() as stack:
        opened: Store | Exception
        try:
            opened = await stack.enter_async_context(open_existing_store(settings))
        except (LifecycleError, doctor.ProbeSkippedError) as error:
            opened = error
        looks = _Probes(settings, opened)
        return await doctor.diagnose(
            settings,
            repository=doctor.repository_probe(found),
            glean=looks.probe_glean,
            store=looks.probe_store,
            identity=looks.probe_identity,
            sagas=looks.probe_sagas,
            replicas=looks.probe_replicas,
            further={
                "search": looks.probe_search,
                "datasources": looks.probe_datasources,
                "webhooks": looks.probe_webhooks,
                "schedules": looks.probe_schedules,
            },
        )


@dataclass(frozen=True, slots=True)
class _Probes:
    """What `doctor` looks at; the store as it was opened once for all, or why it could not be."""

    settings: Settings
    opened: Store | Exception

    async def probe_glean(self) -> str:
        async with open_existing_platform(self.settings) as platform:
            return await doctor.glean_probe(platform)()

    async def probe_store(self) -> str:
        if isinstance(self.opened, Exception):
            raise self.opened
        return await doctor.store_probe(self.opened)()

    async def probe_identity(self) -> str:
        from server.identity.keys import KeysUnavailableError, build_keys

        identity = self.settings.identity
        try:
            return f"{await build_keys(identity).count()} keys"
        except KeysUnavailableError as error:
            raise SettingsError(
                f"The keys of {identity.issuer} cannot be had, so nobody is let in: {error}.",
                field="identity",
                suggested_action="Check identity.jwks_url or identity.jwks_file, and the network between.",
            ) from error

    async def probe_sagas(self) -> str:
        where = self.settings.store.address if self.settings.store.shared else self.settings.data_dir
        look = partial(DurableEngine.describe_dead_letters, where, self.settings.sagas.attempts)
        found = await self._require_store().read(stranded.list_dead_letters)
        return stranded.require_no_dead_letters(found, await to_thread.run_sync(look))

    async def probe_replicas(self) -> str:
        store = self._require_store()
        async with open_existing_platform(self.settings) as platform:
            return await preview_startup_checks(self.settings, store, platform)

    async def probe_search(self) -> Sequence[doctor.Finding]:
        glean = self.settings.glean
        if glean.client_token is None or glean.embedded or glean.dialect == "admin":
            return ()
        async with open_existing_platform(self.settings) as platform:
            return await check_search(platform)

    async def probe_datasources(self) -> Sequence[doctor.Finding]:
        if isinstance(self.opened, Exception):
            return ()
        installation, connectors = await self.opened.read(load_serving_connectors)
        left = await self.opened.read(load_emptied_datasources)
        if not connectors and not left:
            return ()
        try:
            async with open_existing_platform(self.settings) as platform:
                return await check_datasources(platform, installation, connectors, left)
        except PlatformError:
            return ()  # it is the finding about Glean itself

    async def probe_webhooks(self) -> Sequence[doctor.Finding]:
        known = None if isinstance(self.opened, Exception) else await self.opened.read(load_webhook_statuses)
        return await check_webhooks(
            self.settings.events.webhooks, known, self._reach_webhook, serving=await self._is_served()
        )

    async def probe_schedules(self) -> Sequence[doctor.Finding]:
        if isinstance(self.opened, Exception):
            return ()
        clock = SystemClock()
        found = await ScheduleService(self.opened, clock, self.settings.schedules.plans).list()
        return schedule_findings(found, clock.now(), serving=await self._is_served())

    def _require_store(self) -> Store:
        if isinstance(self.opened, Exception):
            raise doctor.ProbeSkippedError("not looked at: there is no store to look into")
        return self.opened

    async def _reach_webhook(self, webhook: WebhookSettings) -> str | None:
        async with build_courier(self.settings, webhook) as carrier:
            return await carrier.check_reachability()

    async def _is_served(self) -> bool:
        readable = not isinstance(self.opened, Exception)
        return readable and await to_thread.run_sync(is_server_running, self.settings)


async def _skip_probe() -> str:
    return "not looked at"
