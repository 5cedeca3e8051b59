"""The product on a PostgreSQL that goes away and comes back."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain import provisioning, teardown
from domain.admission import ProvisionRequest
from domain.callers import Caller
from domain.model import Client, Journey
from domain.records import DatasetQuery
from domain.vocabulary import DatasetType, JourneyState, Stage, TeardownReason
from server.adapters.store.postgres import PostgresStore
from server.postgres.address import parsed
from server.sandbox.serve import EmbeddedSandbox
from server.settings import load
from server.wiring import pending, running
from tests import pictures
from tests.postgres import name_of
from tests.repository import write_repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from domain.model import Dataset
    from server.settings import Settings
    from tests.away.proxy import Proxy
    from tests.pictures import Picture
    from tests.postgres import Cluster
    from tools.services import Services

KIM: Final = Caller(subject="person:kim")
KEY: Final = "their-key"
RECORDS: Final = 12


@dataclass(frozen=True)
class Place:
    """A folder, a Glean, and a database that is reached through a proxy or directly."""

    folder: Path
    cluster: Cluster
    proxy: Proxy
    glean: EmbeddedSandbox
    url: str

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process here is started with."""
        return {
            "GLEAN_API_KEY": KEY,
            "GLEAN_BASE_URL": self.glean.base_url,
            "MOCK_DATA_REPO_PATH": str(self.folder / "repository"),
            "DATABASE_URL": f"postgresql://tester@127.0.0.1:{self.proxy.port}/{name_of(self.url)}",
        }

    @property
    def settings(self) -> Settings:
        """The same, read."""
        return load(self.environ, data_dir=self.folder / "data", cwd=self.folder)

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Services]:
        """A process that runs sagas."""
        async with running(self.settings, sagas=True) as services:
            yield services

    async def picture(self) -> Picture:
        """Store, staging, archives and Glean as they stand."""
        settings = self.settings
        async with PostgresStore(parsed(self.url)) as store:
            return await pictures.picture(
                store, self.glean.sandbox, settings.staging.url, settings.archival.storage_path
            )

    def terminate(self) -> None:
        """End every session of the database, and nothing else."""
        self.cluster.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()",
            self.url,
        )

    def left(self) -> bool:
        """Whether anything is unfinished."""
        return pending(self.settings)


@asynccontextmanager
async def placed(folder: Path, cluster: Cluster, proxy: Proxy, template: str) -> AsyncIterator[Place]:
    """A fresh place, with a client whose journey is active."""
    url = cluster.fresh(template)
    write_repository(folder / "repository", records=RECORDS)
    async with EmbeddedSandbox(folder / "glean.sqlite", token=KEY) as glean:
        glean.sandbox.set_rate(1_000_000, minimum_seconds=0)
        yield Place(folder, cluster, proxy, glean, url)
    cluster.drop(url)


async def arrive(services: Services) -> None:
    """A client with an active journey."""
    await services.registry.add_client(
        Client(client_id="acme", name="acme", industry="fintech", use_case="developer_productivity"), KIM
    )
    await journey(services, "j1")


async def journey(services: Services, journey_id: str) -> None:
    """An active journey of that client."""
    made = Journey(journey_id=journey_id, client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE)
    await services.registry.add_journey(made, KIM)


async def _provision(services: Services) -> Dataset:
    wish = ProvisionRequest(
        client_id="acme", journey_id="j1", stage=Stage.SANDBOX, dataset_type=DatasetType.CONFLUENCE_PAGES
    )
    return (await services.provisioning.start_or_attach(wish, KIM)).dataset


async def _tear_down(services: Services) -> Dataset:
    [dataset] = await services.datasets.list(DatasetQuery(), KIM)
    reason = TeardownReason.JOURNEY_COMPLETED
    return (await services.teardowns.start_or_attach(dataset.dataset_id, reason, KIM)).dataset


async def _restore(services: Services) -> Dataset:
    [dataset] = await services.datasets.list(DatasetQuery(), KIM)
    return (await services.restoring.start(dataset.dataset_id, "j2", KIM)).dataset


async def _provisioned(services: Services) -> None:
    await arrive(services)
    dataset = await _provision(services)
    await services.sagas.wait(dataset.dataset_id, 60)
    await services.registry.set_state("j1", JourneyState.COMPLETED, KIM)


async def _torn_down(services: Services) -> None:
    await _provisioned(services)
    down = await _tear_down(services)
    await services.sagas.wait(down.dataset_id, 60)
    await journey(services, "j2")


@dataclass(frozen=True)
class Life:
    """What is done in peace, the saga that an outage meets, and its steps."""

    prepare: Callable[[Services], Awaitable[None]]
    act: Callable[[Services], Awaitable[Dataset]]
    steps: tuple[str, ...]


LIVES: Final[Mapping[str, Life]] = {
    "provision": Life(arrive, _provision, tuple(each.name for each in provisioning.PROVISION)),
    "teardown": Life(_provisioned, _tear_down, tuple(each.name for each in teardown.TEARDOWN)),
    "restore": Life(_torn_down, _restore, tuple(each.name for each in provisioning.PROVISION)),
}
