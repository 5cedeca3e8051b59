"""A saga that ends process after process is stopped after so many attempts, shown, and taken up by who asks again."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from domain.records import DatasetQuery
from domain.vocabulary import DatasetStatus, TeardownReason
from server.sandbox.serve import EmbeddedSandbox
from server.settings import load
from server.wiring import diagnosed, running, store_of
from tests.processes.conftest import over
from tests.processes.folder import KIM, WISH, Folder, request
from tests.waiting import eventually, until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from domain.model import Dataset
    from server.adapters.store.threaded import ThreadedStore
    from server.settings import Settings
    from tests.processes.conftest import Run

ATTEMPTS = 2
LONG_S = 120


@dataclass(frozen=True)
class Shared(Folder):
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
        return load(self.named, data_dir=self.data)

    @property
    def environ(self) -> dict[str, str]:
        return {**super().environ, **self.named}

    def open(self) -> ThreadedStore:
        """The store, whichever it is."""
        return store_of(self.settings)

    async def look(self) -> Dataset:
        """The only dataset."""
        async with self.open() as store:
            [found] = await store.read(lambda records: records.datasets(DatasetQuery()))
        return found

    def host(self, step: str, verb: str = "idle") -> list[str]:
        return [sys.executable, "-m", "tests.processes.deadly_host", str(self.data), step, verb]

    def deaths(self) -> int:
        path = self.data / "deaths"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
async def shared(tmp_path: Path, repository: Path, database: str) -> AsyncIterator[Shared]:
    async with EmbeddedSandbox(tmp_path / "glean.sqlite") as sandbox:
        sandbox.sandbox.set_rate(1_000_000, minimum_seconds=0)
        made = Shared(tmp_path / "data", repository, sandbox, database)
        made.data.mkdir()
        (made.data / "sdlc_config.yaml").write_text(f"dataops: {{sagas: {{attempts: {ATTEMPTS}}}}}\n")
        await made.arrive()
        yield made


async def stopped(shared: Shared, run: Run, step: str, verb: str) -> Dataset:
    """Have the saga end one process after another, and two more look at what is left; the dataset then."""
    (shared.data / "cause").touch()
    for number in range(ATTEMPTS):
        status, _, log = await over(run(shared, shared.host(step, "idle" if number else verb)))
        assert (status, shared.deaths()) == (-signal.SIGKILL, number + 1), log
    survivors = [run(shared, shared.host(step)) for _ in range(2)]

    async def settled() -> bool:
        async with shared.open() as store:
            return not await store.read(lambda records: records.running() or records.undos())

    await until(settled, LONG_S)
    for each in survivors:
        await eventually(_up(shared, each), LONG_S)
        assert each.poll() is None
        each.terminate()
        await over(each)
    assert shared.deaths() == ATTEMPTS
    return await shared.look()


def _up(shared: Shared, process: subprocess.Popen[str]) -> Callable[[], bool]:
    return (shared.data / f"up-{process.pid}").exists


@pytest.mark.each_store
async def test_a_provision_that_ends_its_processes_is_stopped_shown_and_made_by_the_next_retry(
    shared: Shared, run: Run
) -> None:
    failed = await stopped(shared, run, "push", "provision")
    assert failed.failure is not None
    assert (failed.status, failed.failure.step, failed.failure.code) == (
        DatasetStatus.FAILED,
        "push",
        "saga_stranded",
    )
    [found] = [each for each in await diagnosed(shared.settings) if each.area == "sagas"]
    assert (found.ok, failed.dataset_id in found.message) == (False, True)
    status, out, log = await over(
        run(shared, shared.command("datasets", "show", failed.dataset_id, "--json"))
    )
    assert status == 0, log
    shown = json.loads(out)["failure"]
    assert (shown["code"], shown["recovery"], shown["step"]) == ("saga_stranded", "needs_human", "push")

    (shared.data / "cause").unlink()
    wish = [word for name, value in WISH.items() for word in (f"--{name.replace('_', '-')}", value)]
    status, out, log = await over(run(shared, shared.command("provision", *wish, "--retry", "--json")))
    assert (status, json.loads(out).get("status")) == (0, "ready"), out
    [found] = [each for each in await diagnosed(shared.settings) if each.area == "sagas"]
    assert (found.ok, found.message) == (True, "none was stopped")
    assert [each.operation for each in shared.glean.sandbox.ledger()].count("datasources.delete") == 1


@pytest.mark.exhaustive
async def test_a_teardown_that_ends_its_processes_is_stopped_and_goes_on_when_called_again(
    shared: Shared, run: Run
) -> None:
    async with running(shared.settings, sagas=True) as services:
        begun = await services.provisioning.start_or_attach(request(), KIM)
        await services.provisioning.wait(begun, None)
    await shared.complete()
    held = await stopped(shared, run, "disconnect", "teardown")
    assert held.teardown is not None
    assert held.teardown.failure is not None
    assert (held.status, held.teardown.failure.code, held.teardown.failure.step) == (
        DatasetStatus.TEARDOWN,
        "saga_stranded",
        "disconnect",
    )
    (shared.data / "cause").unlink()
    async with running(shared.settings, sagas=True) as services:
        down = await services.teardowns.start_or_attach(
            held.dataset_id, TeardownReason.JOURNEY_COMPLETED, KIM
        )
        assert (await services.teardowns.wait(down, None)).dataset.status is DatasetStatus.ARCHIVED
