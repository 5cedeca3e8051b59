"""What `doctor` looks at, over the adapters that are configured."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from anyio import to_thread

from domain.errors import LifecycleError, PlatformError, SettingsError
from domain.schedules import Schedules
from domain.webhooks import standings
from server import doctor, stranded
from server.adapters.engine.durable import DurableEngine
from server.adapters.system import SystemClock
from server.checkups.datasources import datasource_findings, emptied, recorded
from server.checkups.schedules import schedule_findings
from server.checkups.search import search_findings
from server.checkups.webhooks import webhook_findings
from server.replicas.proving import foreseen
from server.wiring.glean import reaching_as_it_is
from server.wiring.processes import courier
from server.wiring.stores import repository, serving, store_as_it_is

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.records import Store
    from server.settings import Settings
    from server.settings.events import WebhookSettings


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
            opened = await stack.enter_async_context(store_as_it_is(settings))
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
            further={
                "search": looks.search,
                "datasources": looks.datasources,
                "webhooks": looks.webhooks,
                "schedules": looks.schedules,
            },
        )


@dataclass(frozen=True, slots=True)
class _Looks:
    """What `doctor` looks at; the store as it was opened once for all, or why it could not be."""

    settings: Settings
    opened: Store | Exception

    async def glean(self) -> str:
        async with reaching_as_it_is(self.settings) as platform:
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
        async with reaching_as_it_is(self.settings) as platform:
            return await foreseen(self.settings, store, platform)

    async def search(self) -> Sequence[doctor.Finding]:
        glean = self.settings.glean
        if glean.client_token is None or glean.embedded or glean.dialect == "admin":
            return ()
        async with reaching_as_it_is(self.settings) as platform:
            return await search_findings(platform)

    async def datasources(self) -> Sequence[doctor.Finding]:
        if isinstance(self.opened, Exception):
            return ()
        installation, connectors = await self.opened.read(recorded)
        left = await self.opened.read(emptied)
        if not connectors and not left:
            return ()
        try:
            async with reaching_as_it_is(self.settings) as platform:
                return await datasource_findings(platform, installation, connectors, left)
        except PlatformError:
            return ()  # it is the finding about Glean itself

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
        async with courier(self.settings, webhook) as carrier:
            return await carrier.reach()

    async def _served(self) -> bool:
        readable = not isinstance(self.opened, Exception)
        return readable and await to_thread.run_sync(serving, self.settings)


async def _unasked() -> str:
    return "not looked at"
