"""Killed by the kernel inside any step of both sagas, a process leaves nothing that the next one does not finish.

The matrix is made of the sagas' own step lists. `tests/sagas/test_crashes.py` dies at every moment of every step and of
every compensation, without real processes.
"""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from domain.model import DatasetStatus
from domain.provisioning import PROVISION
from domain.teardown import TEARDOWN
from server.wiring import pending
from tests.processes.conftest import ONCE, host, over
from tests.processes.folder import Folder
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.pictures import Picture
    from tests.processes.conftest import Run

    Ready = Callable[[str, Path], Awaitable[Folder]]
    Calm = Callable[[str], Awaitable[Picture]]

CASES = [
    *(("provision", step.name) for step in PROVISION),
    *(("teardown", step.name) for step in TEARDOWN),
]
ADOPTED = [("provision", "push"), ("provision", "index"), ("teardown", "disconnect")]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Ready:
    """`ready(saga, place)` makes a folder in which that saga may begin; what it needs is provisioned once."""
    provisioned = Folder(tmp_path_factory.mktemp("provisioned") / "data", repository)

    async def make(saga: str, place: Path) -> Folder:
        made = Folder(place / "data", repository)
        if saga == "provision":
            await made.arrive()
            return made
        if not provisioned.data.exists():
            await provisioned.arrive()
            await provisioned.admit()
            await provisioned.finish()
        shutil.copytree(provisioned.data, made.data)
        return made

    return make


@pytest.fixture
def calm(taken: dict[str, Picture], ready: Ready, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Calm:
    """The picture after a saga whose process was not killed, taken once."""

    async def take(saga: str) -> Picture:
        if saga not in taken:
            folder = await ready(saga, tmp_path_factory.mktemp("calm"))
            status, _, log = await over(run(folder, host(folder, saga)))
            assert status == 0, log
            taken[saga] = await folder.picture()
        return taken[saga]

    return take


@pytest.fixture(scope="module")
def taken() -> dict[str, Picture]:
    """The pictures of the calm runs, by saga."""
    return {}


async def killed(run: Run, folder: Folder, saga: str, step: str) -> None:
    status, out, log = await over(run(folder, host(folder, saga, step)))
    assert (status, out) == (-signal.SIGKILL, ""), log
    assert pending(folder.settings)


@pytest.mark.parametrize(
    ("saga", "status", "effects"),
    [
        ("provision", DatasetStatus.READY, ONCE),
        ("teardown", DatasetStatus.ARCHIVED, ONCE + Counter({"datasources.delete": 1})),
    ],
)
async def test_a_calm_run_does_everything_once(
    calm: Calm, saga: str, status: DatasetStatus, effects: Counter[str]
) -> None:
    picture = await calm(saga)
    assert (picture.status, picture.effects) == (status, effects)


@pytest.mark.parametrize(("saga", "step"), CASES)
async def test_the_next_process_finishes_what_a_killed_one_began(
    tmp_path: Path, ready: Ready, calm: Calm, run: Run, saga: str, step: str
) -> None:
    folder = await ready(saga, tmp_path)
    await killed(run, folder, saga, step)
    await folder.finish()
    assert await folder.picture() == await calm(saga)


@pytest.mark.parametrize(("saga", "step"), ADOPTED)
async def test_a_live_process_finishes_what_a_killed_one_began(
    tmp_path: Path, ready: Ready, calm: Calm, run: Run, saga: str, step: str
) -> None:
    folder = await ready(saga, tmp_path)
    survivor = run(folder, host(folder, "idle"))
    await eventually(lambda: any((folder.data / "owners").glob("*.lock")))
    await killed(run, folder, saga, step)
    await eventually(lambda: not pending(folder.settings), 30)
    assert survivor.poll() is None
    assert await folder.picture() == await calm(saga)
