"""A process that is killed anywhere in any saga loses nothing and does nothing twice.

The matrix is made of the sagas' own step lists: SIGKILL before, inside and after every step and every compensation of
every saga, in every situation of `killing/scenes.py`, on SQLite with the embedded sandbox and on PostgreSQL with a
Glean outside, gone on with by a new process and by one that was there already. A real process of the product dies each
time, forked from one that has imported everything (`killing/zygote.py`), and a case in which nobody died fails.
Afterwards the whole world must equal that of a run in which nobody was killed (`tests/pictures.py` says what may
differ), a webhook must have been told the same in the same order, and no saga may have broken.

All of it also where Glean speaks the Indexing dialect (`killing/indexing_scenes.py`), and there a process dies before,
in the middle of and after each request that changes something in Glean as well: between any two pages of an upload.

Every time, a slice with every step, every compensation and every situation runs; `just faults` runs all of it.
`tests/sagas/test_crashes.py` has the same equality where the process that dies is a task of the test's own.
"""

from __future__ import annotations

import importlib
import pkgutil
import time
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import MagicMock

import anyio
import pytest

import domain
from domain.provisioning import PROVISION
from domain.saga import Step
from domain.schedules import KIND
from server.chores import chores
from server.wiring import sagas_of, turns_of
from tests.conftest import KILLS, with_every_table
from tests.faults.killing.born import Zygote
from tests.faults.killing.death import MOMENTS, RECORDED, Point
from tests.faults.killing.gleans import Gleans
from tests.faults.killing.indexing_scenes import INDEXING_SCENES, SCENES
from tests.faults.killing.matrix import (
    ALL,
    ALWAYS,
    SLICE,
    UPLOADING,
    at_all_requests,
    at_requests,
    moments,
)
from tests.faults.killing.scenes import ADMIN_SCENES
from tests.faults.killing.stage import NEW, NOBODY_DIED, POSTGRES, SQLITE, SURVIVING, Stage
from tests.pictures import differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.faults.killing.matrix import Asked, Case
    from tests.faults.killing.stage import Ending
    from tests.postgres import Cluster

    Tell = Callable[[str, object], None]

AT_ONCE: Final = 3
POINTS: Final = {point for scene in SCENES.values() for point in scene.points}
BUGS: Final = ("saga_broke", "failed by a bug", "adoption_failed", "Traceback")


@pytest.fixture(scope="session")
async def bare(postgres: Cluster) -> str:
    """The name of a database with the tables of store and engine."""
    return await with_every_table(postgres.speaking())


@pytest.fixture(scope="session")
def stage(postgres: Cluster, bare: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """What every case needs."""
    with Zygote() as zygote, Gleans() as gleans:
        yield Stage(zygote, gleans, postgres, bare, lambda: tmp_path_factory.mktemp("killing"))


def _kinds() -> set[str]:
    """Every kind of saga that the product runs; nothing of it is run here."""
    anything = MagicMock()
    return {*sagas_of(anything), *turns_of(anything, anything, anything, anything)}


def _step_lists() -> dict[str, Sequence[Step[Any]]]:
    """Every saga's steps, wherever the domain has them."""
    found: dict[str, Sequence[Step[Any]]] = {}
    for module in pkgutil.iter_modules(domain.__path__, "domain."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, tuple) and value and all(isinstance(each, Step) for each in value):
                found[name.lower()] = value
    return found


def test_every_saga_of_the_product_has_a_scene() -> None:
    assert {point.kind for point in POINTS} == _kinds()


def test_every_step_and_every_compensation_has_a_scene() -> None:
    lists = _step_lists()
    assert {kind: {each.name for each in steps} for kind, steps in lists.items()} == {
        kind: {each.name for each in steps if Point(kind, each.name) in POINTS}
        for kind, steps in lists.items()
    }
    assert {"provision", "teardown", "snapshot"} <= set(lists)
    undone = {f"undo {each.name}" for each in PROVISION if each.undo}
    assert undone <= {point.step for point in POINTS if point.kind == "provision"}


def test_every_schedule_has_a_scene() -> None:
    scenes = {
        name for name, scene in ADMIN_SCENES.items() if any(point.kind == KIND for point in scene.points)
    }
    assert scenes == set(chores(MagicMock(), MagicMock(), MagicMock()))


def test_the_slice_has_every_step_and_every_compensation_every_scene_and_some_of_everything() -> None:
    assert {each.point for each in SLICE if each.scene in ADMIN_SCENES} == POINTS
    assert {each.point for each in SLICE if each.scene in INDEXING_SCENES} == POINTS
    assert set(ADMIN_SCENES) <= {each.scene for each in SLICE} <= set(SCENES)
    assert set(SLICE) <= set(ALL)
    assert {each.moment for each in SLICE} == {*MOMENTS, RECORDED}
    ways = {(each.database, each.resumed) for each in SLICE}
    assert ways == {(database, resumed) for database in (SQLITE, POSTGRES) for resumed in (NEW, SURVIVING)}
    by_moment = [sum(each.moment == moment for each in SLICE) for moment in MOMENTS]
    assert min(by_moment) > len(SLICE) / 5


def test_the_matrix_has_every_moment_of_every_point_in_every_way() -> None:
    whole = [(scene, point) for scene in SCENES.values() for point in scene.points]
    assert len(set(ALL)) == len(ALL) == 4 * sum(len(moments(scene.name, point)) for scene, point in whole)


@pytest.mark.parametrize("scene", dict.fromkeys(each.scene for each in SLICE))
async def test_a_kill_at_any_point_changes_nothing_in_the_end(
    stage: Stage, scene: str, record_property: Tell
) -> None:
    await _calm(stage, scene)
    await _all_killed(stage, [each for each in SLICE if each.scene == scene], record_property)


@pytest.mark.parametrize("scene", ALWAYS)
async def test_a_kill_between_any_two_requests_changes_nothing_in_the_end(
    stage: Stage, scene: str, record_property: Tell
) -> None:
    calm = await _calm(stage, scene)
    assert calm.requests > 2
    await _all_killed(stage, at_requests(scene, calm.requests), record_property)


@pytest.mark.exhaustive
@pytest.mark.parametrize("scene", UPLOADING)
async def test_a_kill_at_any_moment_of_any_request_changes_nothing_in_the_end(
    stage: Stage, scene: str, record_property: Tell
) -> None:
    calm = await _calm(stage, scene)
    await _all_killed(stage, at_all_requests(scene, calm.requests), record_property)


@pytest.mark.exhaustive
@pytest.mark.parametrize("resumed", [NEW, SURVIVING])
@pytest.mark.parametrize("over", [SQLITE, POSTGRES])
@pytest.mark.parametrize("scene", SCENES)
async def test_a_kill_at_any_moment_changes_nothing_in_the_end(
    stage: Stage, scene: str, over: str, resumed: str, record_property: Tell
) -> None:
    wanted = (scene, over, resumed)
    cases = [each for each in ALL if (each.scene, each.database, each.resumed) == wanted]
    await _calm(stage, scene)
    await _all_killed(stage, cases, record_property)


async def _calm(stage: Stage, scene: str) -> Ending:
    """How the scene ends when nobody dies, which is as it says."""
    calm = await stage.calm(scene)
    assert (calm.picture.statuses, calm.picture.events[-1]) == (list(SCENES[scene].ends), SCENES[scene].last)
    assert set(SCENES[scene].points) <= set(calm.steps) <= POINTS
    assert [bug for bug in BUGS if bug in calm.log] == []
    return calm


async def _all_killed(stage: Stage, cases: Sequence[Case | Asked], record_property: Tell) -> None:
    failed: dict[str, list[str]] = {}
    began = time.monotonic()
    limit = anyio.CapacityLimiter(AT_ONCE)
    await stage.ready(cases[0])

    async def run(case: Case | Asked) -> None:
        async with limit:
            if wrong := await _wrong(stage, case):
                failed[str(case)] = wrong

    async with anyio.create_task_group() as running:
        for each in cases:
            running.start_soon(run, each)
    seconds = time.monotonic() - began
    died = len(cases) - sum(each[0].startswith(NOBODY_DIED) for each in failed.values())
    first = cases[0]
    record_property(
        KILLS,
        f"{first.scene}, {first.database}: {died} of {len(cases)} killed, {len(failed)} wrong, {seconds:.1f} s",
    )
    if failed:
        told = ("\n  ".join([case, *wrong]) for case, wrong in failed.items())
        pytest.fail("\n".join(told), pytrace=False)


async def _wrong(stage: Stage, case: Case | Asked) -> list[str]:
    calm = await stage.calm(case.scene)
    ending = await stage.killed(case)
    if isinstance(ending, str):
        return [ending]
    return [
        *differences(vars(ending.picture), vars(calm.picture)),
        *differences(ending.heard, calm.heard, "heard"),
        *(f"{bug} in the log:\n{ending.log}" for bug in BUGS if bug in ending.log),
    ]
