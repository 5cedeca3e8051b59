"""A data folder of the product, as an operator would look at it from outside."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.lifecycle.provision.service import ProvisionRequest
from domain.model.enums import DatasetType, JourneyState, Stage
from domain.model.journey import Client, Journey
from domain.model.principal import Principal
from domain.ports import DatasetQuery
from server.adapters.store.sqlite.store import SqliteStore
from server.composition.glean.platform import sandbox_path
from server.composition.process import open_services
from server.composition.stores import has_pending_work
from server.settings import load_settings
from tests.support.polling import wait_for
from tests.support.sandbox.control import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from domain.model.dataset import Dataset
    from server.settings import Settings

ROOT: Final = Path(__file__).parents[3]
REPOSITORY: Final = "MOCK_DATA_REPO_PATH"
KIM: Final = Principal(subject="person:kim")
PROVISION_ARGUMENTS: Final[Mapping[str, str]] = {
    "client_id": "acme",
    "journey_id": "j1",
    "stage": "sandbox",
    "dataset_type": "confluence_pages",
}
NAME: Final = "ACME-Sandbox-Confluence"


def provision_request() -> ProvisionRequest:
    """`WISH`, as the domain takes it."""
    return ProvisionRequest(
        client_id="acme", journey_id="j1", stage=Stage.SANDBOX, dataset_type=DatasetType.CONFLUENCE_PAGES
    )


@dataclass(frozen=True)
class DataFolder:
    """A data folder, over a mock-data repository."""

    data: Path
    repository: Path

    @property
    def settings(self) -> Settings:
        """What every process on it is started with."""
        return load_settings({REPOSITORY: str(self.repository)}, data_dir=self.data)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a process on it: little of ours, for a setting of this machine must not leak in."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(("COV", "PATH", "HOME"))}
        return {**kept, REPOSITORY: str(self.repository), "PYTHONPATH": str(ROOT), "TERM": "dumb"}

    def command_line(self, verb: str, *arguments: str, module: str = "server") -> list[str]:
        """The command line of the product, on this folder."""
        return [sys.executable, "-W", "error", "-m", module, verb, *arguments, "--data-dir", str(self.data)]

    def open_sandbox(self) -> Sandbox:
        """The embedded sandbox's file, whichever process serves it."""
        self.data.mkdir(parents=True, exist_ok=True)
        return Sandbox.open(sandbox_path(self.settings))

    @asynccontextmanager
    async def open_store(self) -> AsyncIterator[SqliteStore]:
        """The store, beside whoever works on it."""
        async with SqliteStore(self.settings.store_path) as store:
            yield store

    async def add_client_and_journey(self) -> None:
        """A client with an active journey."""
        async with open_services(self.settings, sagas=False) as services:
            await services.registry.add_client(
                Client(client_id="acme", name="acme", industry="fintech", use_case="developer_productivity"),
                KIM,
            )
            await services.registry.add_journey(
                Journey(journey_id="j1", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE),
                KIM,
            )

    async def admit_dataset(self) -> None:
        """Admit the dataset of `WISH`, and leave its making to whoever comes next."""
        async with open_services(self.settings, sagas=False) as services:
            await services.provisioning.start_or_attach(provision_request(), KIM)

    async def complete_journey(self) -> None:
        """The journey is over."""
        async with open_services(self.settings, sagas=False) as services:
            await services.registry.set_state("j1", JourneyState.COMPLETED, KIM)

    async def load_datasets(self) -> list[Dataset]:
        """Every dataset that there is."""
        async with self.open_store() as store:
            return list(await store.read(lambda uow: uow.datasets.find(DatasetQuery())))

    async def load_only_dataset(self) -> Dataset:
        """The only one that there is."""
        [found] = await self.load_datasets()
        return found

    async def finish_pending_work(self) -> None:
        """Be the next process: open what runs sagas, ask for nothing, and wait until nothing is left to do."""
        async with open_services(self.settings, sagas=True):
            await wait_for(lambda: not has_pending_work(self.settings), 30)

    async def wait_for_sync(self) -> None:
        """Return as soon as a sync of the dataset's connector runs."""
        with self.open_sandbox() as glean:
            await wait_for(lambda: [each["status"] for each in glean.sync_jobs(NAME)] == ["RUNNING"], 30)
