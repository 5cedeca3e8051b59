"""A saga that ends process after process is stopped after so many attempts, shown, and taken up by who asks again."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from domain.model.enums import DatasetStatus, TeardownReason
from domain.ports import DatasetQuery
from server.composition.diagnostics import run_doctor
from server.composition.process import open_services
from server.composition.stores import build_store
from server.settings import load_settings
from tests.resilience.processes.conftest import wait_for_exit
from tests.support.polling import wait_for, wait_for_async
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.servers.data_folder import KIM, PROVISION_ARGUMENTS, DataFolder, provision_request

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from domain.model.dataset import Dataset
    from server.adapters.store.threaded_store import ThreadedStore
    from server.settings import Settings
    from tests.resilience.processes.conftest import Run

ATTEMPTS = 2
LONG_S = 120


@dataclass(frozen=True)
class SharedInstallation(DataFolder):
    """A folder, and maybe a database, over a Glean that every process reaches."""

    glean: EmbeddedSandbox
    database: str

    @property
    def named(self) -> dict[str, str]:
        """What names them in the environment."""
        glean = {"GLEAN_BASE_URL": self.glean.base_url, "GLEAN_API_KEY": self.glean.token}
        database = {"DATABASE_URL": self.database} if self.database else {}
        config = {"DATASET_LIFECYCLE_CONFIG": str(self.data / "sdlc_config.yaml")}
        return {"MOCK_DATA_REPO_PATH": str(self.repository), **glean, **database, **config}

    @property
    def settings(self) -> Settings:
        return load_settings(self.named, data_dir=self.data)

    @property
    def environ(self) -> dict[str, str]:
        return {**super().environ, **self.named}

    def open(self) -> ThreadedStore:
        """The store, whichever it is."""
        return build_store(self.settings)

    async def load_only_dataset(self) -> Dataset:
        """The only dataset."""
        async with self.open() as store:
            [found] = await store.read(lambda uow: uow.datasets.find(DatasetQuery()))
        return found

    def crashing_process(self, step: str, verb: str = "idle") -> list[str]:
        return [sys.executable, "-m", "tests.support.servers.crashing_process", str(self.data), step, verb]

    def count_deaths(self) -> int:
        path = self.data / "deaths"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
async def installation(tmp_path: Path, repository: Path, database: str) -> AsyncIterator[SharedInstallation]:
    async with EmbeddedSandbox(tmp_path / "glean.sqlite") as sandbox:
        sandbox.sandbox.set_indexing_rate(1_000_000, minimum_seconds=0)
        made = SharedInstallation(tmp_path / "data", repository, sandbox, database)
        made.data.mkdir()
        (made.data / "sdlc_config.yaml").write_text(f"dataops: {{sagas: {{attempts: {ATTEMPTS}}}}}\n")
        await made.add_client_and_journey()
        yield made


async def run_until_stopped(shared: SharedInstallation, run: Run, step: str, verb: str) -> Dataset:
    """Have the saga end one process after another, and two more look at what is left; the dataset then."""
    (shared.data / "cause").touch()
    for number in range(ATTEMPTS):
        status, _, log = await wait_for_exit(
            run(shared, shared.crashing_process(step, "idle" if number else verb))
        )
        assert (status, shared.count_deaths()) == (-signal.SIGKILL, number + 1), log
    survivors = [run(shared, shared.crashing_process(step)) for _ in range(2)]

    async def is_settled() -> bool:
        async with shared.open() as store:
            return not await store.read(lambda uow: uow.datasets.list_running() or uow.compensations.find())

    await wait_for_async(is_settled, LONG_S)
    for each in survivors:
        await wait_for(_wait_until_up(shared, each), LONG_S)
        assert each.poll() is None
        each.terminate()
        await wait_for_exit(each)
    assert shared.count_deaths() == ATTEMPTS
    return await shared.load_only_dataset()


def _wait_until_up(shared: SharedInstallation, process: subprocess.Popen[str]) -> Callable[[], bool]:
    return (shared.data / f"up-{process.pid}").exists


@pytest.mark.each_store
async def test_a_provision_that_ends_its_processes_is_stopped_shown_and_made_by_the_next_retry(
    installation: SharedInstallation, start_process: Run
) -> None:
    failed = await run_until_stopped(installation, start_process, "push", "provision")
    assert failed.failure is not None
    assert (failed.status, failed.failure.step, failed.failure.code) == (
        DatasetStatus.FAILED,
        "push",
        "saga_stranded",
    )
    [found] = [each for each in await run_doctor(installation.settings) if each.area == "sagas"]
    assert (found.ok, failed.dataset_id in found.message) == (False, True)
    status, out, log = await wait_for_exit(
        start_process(
            installation, installation.command_line("datasets", "show", failed.dataset_id, "--json")
        )
    )
    assert status == 0, log
    shown = json.loads(out)["failure"]
    assert (shown["code"], shown["recovery"], shown["step"]) == ("saga_stranded", "needs_human", "push")

    (installation.data / "cause").unlink()
    wish = [
        word for name, value in PROVISION_ARGUMENTS.items() for word in (f"--{name.replace('_', '-')}", value)
    ]
    status, out, log = await wait_for_exit(
        start_process(installation, installation.command_line("provision", *wish, "--retry", "--json"))
    )
    assert (status, json.loads(out).get("status")) == (0, "ready"), out
    [found] = [each for each in await run_doctor(installation.settings) if each.area == "sagas"]
    assert (found.ok, found.message) == (True, "none was stopped")
    assert [each.operation for each in installation.glean.sandbox.ledger()].count("datasources.delete") == 1


@pytest.mark.exhaustive
async def test_a_teardown_that_ends_its_processes_is_stopped_and_goes_on_when_called_again(
    installation: SharedInstallation, start_process: Run
) -> None:
    async with open_services(installation.settings, sagas=True) as services:
        begun = await services.provisioning.start_or_attach(provision_request(), KIM)
        await services.provisioning.wait(begun, None)
    await installation.complete_journey()
    held = await run_until_stopped(installation, start_process, "disconnect", "teardown")
    assert held.teardown is not None
    assert held.teardown.failure is not None
    assert (held.status, held.teardown.failure.code, held.teardown.failure.step) == (
        DatasetStatus.TEARDOWN,
        "saga_stranded",
        "disconnect",
    )
    (installation.data / "cause").unlink()
    async with open_services(installation.settings, sagas=True) as services:
        down = await services.teardowns.start_or_attach(
            held.dataset_id, TeardownReason.JOURNEY_COMPLETED, KIM
        )
        assert (await services.teardowns.wait(down, None)).dataset.status is DatasetStatus.ARCHIVED
