"""The product on a PostgreSQL that goes away and comes back."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.lifecycle.provision.saga import PROVISION_STEPS
from domain.lifecycle.provision.service import ProvisionRequest
from domain.lifecycle.teardown.saga import TEARDOWN_STEPS
from domain.model.enums import DatasetType, JourneyState, Stage, TeardownReason
from domain.model.journey import Client, Journey
from domain.model.principal import Principal
from domain.ports import DatasetQuery
from server.adapters.store.postgres.store import PostgresStore
from server.composition.process import open_services
from server.composition.stores import has_pending_work
from server.infra.postgres.dsn import parse_postgres_url
from server.settings import load_settings
from tests.support import state_snapshot
from tests.support.content.template_repository import write_repository
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.stores.postgres_server import database_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from domain.model.dataset import Dataset
    from server.settings import Settings
    from tests.support.resilience.outages.database_proxy import DatabaseProxy
    from tests.support.state_snapshot import StateSnapshot
    from tests.support.stores.postgres_server import PostgresServer
    from tools.services import Services

KIM: Final = Principal(subject="person:kim")
KEY: Final = "their-key"
RECORDS: Final = 12


@dataclass(frozen=True)
class Installation:
    """A folder, a Glean, and a database that is reached through a proxy or directly."""

    folder: Path
    cluster: PostgresServer
    proxy: DatabaseProxy
    glean: EmbeddedSandbox
    url: str

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process here is started with."""
        return {
            "GLEAN_API_KEY": KEY,
            "GLEAN_BASE_URL": self.glean.base_url,
            "MOCK_DATA_REPO_PATH": str(self.folder / "repository"),
            "DATABASE_URL": f"postgresql://tester@127.0.0.1:{self.proxy.port}/{database_name(self.url)}",
        }

    @property
    def settings(self) -> Settings:
        """The same, read."""
        return load_settings(self.environ, data_dir=self.folder / "data", cwd=self.folder)

    @asynccontextmanager
    async def open_process(self) -> AsyncIterator[Services]:
        """A process that runs sagas."""
        async with open_services(self.settings, sagas=True) as services:
            yield services

    async def take_snapshot(self) -> StateSnapshot:
        """Store, staging, archives and Glean as they stand."""
        settings = self.settings
        async with PostgresStore(parse_postgres_url(self.url)) as store:
            return await state_snapshot.take_snapshot(
                store, self.glean.sandbox, settings.staging.url, settings.archival.storage_path
            )

    def terminate_sessions(self) -> None:
        """End every session of the database, and nothing else."""
        self.cluster.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()",
            self.url,
        )

    def has_unfinished_work(self) -> bool:
        """Whether anything is unfinished."""
        return has_pending_work(self.settings)


@asynccontextmanager
async def open_installation(
    folder: Path, cluster: PostgresServer, proxy: DatabaseProxy, template: str
) -> AsyncIterator[Installation]:
    """A fresh place, with a client whose journey is active."""
    url = cluster.create_database(template)
    write_repository(folder / "repository", records=RECORDS)
    async with EmbeddedSandbox(folder / "glean.sqlite", token=KEY) as glean:
        glean.sandbox.set_indexing_rate(1_000_000, minimum_seconds=0)
        yield Installation(folder, cluster, proxy, glean, url)
    cluster.drop_database(url)


async def add_client_and_journey(services: Services) -> None:
    """A client with an active journey."""
    await services.registry.add_client(
        Client(client_id="acme", name="acme", industry="fintech", use_case="developer_productivity"), KIM
    )
    await add_journey(services, "j1")


async def add_journey(services: Services, journey_id: str) -> None:
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
    return (await services.restores.start_or_attach(dataset.dataset_id, "j2", KIM)).dataset


async def _prepare_dataset(services: Services) -> None:
    await add_client_and_journey(services)
    dataset = await _provision(services)
    await services.sagas.wait(dataset.dataset_id, 60)
    await services.registry.set_state("j1", JourneyState.COMPLETED, KIM)


async def _prepare_archive(services: Services) -> None:
    await _prepare_dataset(services)
    down = await _tear_down(services)
    await services.sagas.wait(down.dataset_id, 60)
    await add_journey(services, "j2")


@dataclass(frozen=True)
class SagaScenario:
    """What is done in peace, the saga that an outage meets, and its steps."""

    prepare: Callable[[Services], Awaitable[None]]
    act: Callable[[Services], Awaitable[Dataset]]
    steps: tuple[str, ...]


LIVES: Final[Mapping[str, SagaScenario]] = {
    "provision": SagaScenario(
        add_client_and_journey, _provision, tuple(each.name for each in PROVISION_STEPS)
    ),
    "teardown": SagaScenario(_prepare_dataset, _tear_down, tuple(each.name for each in TEARDOWN_STEPS)),
    "restore": SagaScenario(_prepare_archive, _restore, tuple(each.name for each in PROVISION_STEPS)),
}
