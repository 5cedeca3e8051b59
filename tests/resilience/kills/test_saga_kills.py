"""A process that is killed anywhere in any saga loses nothing and does nothing twice.

The matrix is made of the sagas' definitions: SIGKILL before, inside and after every step and every compensation of
every saga, in every situation of `tests/support/resilience/kills/scenarios/`, on SQLite with the embedded sandbox and
on PostgreSQL with a Glean outside, gone on with by a new process and by one that was there already. A real process of
the product dies each time, forked from one that has imported everything, and a case in which nobody died fails.
Afterwards the whole world must equal that of a run in which nobody was killed (`tests/support/state_snapshot.py` says
what may differ), a webhook must have been told the same in the same order, and no saga may have broken.

All of it also where Glean speaks the Indexing dialect, and there a process dies before, in the middle of and after each
request that changes something in Glean as well: between any two pages of an upload.

Every time, a slice with every step, every compensation and every situation runs; `just faults` runs all of it.
`tests/resilience/kills/test_inline_crashes.py` has the same where the process that dies is a task of the test's own.
"""

from __future__ import annotations

import importlib
import pkgutil
import time
from typing import TYPE_CHECKING, Final
from unittest.mock import MagicMock

import anyio
import pytest

import domain
from domain.governance.schedules import SCHEDULED_RUN_KIND
from domain.lifecycle.provision.compensation import COMPENSATIONS
from domain.lifecycle.provision.saga import PROVISION_STEPS
from domain.lifecycle.sagas.definition import FINAL_STEP, SagaDefinition, compensation_step_name
from server.composition.use_cases import DATASET_SAGAS, build_sagas, build_schedule_sagas
from server.workers.jobs import build_scheduled_jobs
from tests.conftest import KILLS, create_template_database, run_in_own_loop
from tests.support.interception import port_methods
from tests.support.resilience.kills.processes.crash_points import MOMENTS, QUERIES, RECORDED
from tests.support.resilience.kills.processes.fork_client import ForkServer
from tests.support.resilience.kills.runner import NEW, NOBODY_DIED, POSTGRES, SQLITE, SURVIVING, KillRunner
from tests.support.resilience.kills.scenarios.case_matrix import (
    ALL,
    ALWAYS,
    SLICE,
    UPLOADING,
    all_request_cases,
    crash_moments,
    request_cases,
)
from tests.support.resilience.kills.scenarios.indexing_scenarios import INDEXING_SCENARIOS, SCENARIOS
from tests.support.resilience.kills.scenarios.scenarios import ADMIN_SCENARIOS
from tests.support.resilience.kills.shared_sandbox import SharedSandbox
from tests.support.state_snapshot import snapshot_differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.support.resilience.kills.runner import CaseOutcome
    from tests.support.resilience.kills.scenarios.case_matrix import RequestKillCase, StepKillCase
    from tests.support.stores.postgres_server import PostgresServer

    Tell = Callable[[str, object], None]

AT_ONCE: Final = 3
_PAGES: Final = 4
"""So many pages has the upload of a provision: twelve documents."""
POINTS: Final = {point for scene in SCENARIOS.values() for point in scene.points}
BUGS: Final = ("saga_broke", "failed by a bug", "adoption_failed", "Traceback")


@pytest.fixture(scope="session")
def engine_and_store_template(postgres: PostgresServer) -> str:
    """The name of a database with the tables of store and engine."""
    return run_in_own_loop(create_template_database, postgres.create_icu_database())


@pytest.fixture(scope="session")
def kill_runner(
    postgres: PostgresServer, engine_and_store_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KillRunner]:
    """What every case needs."""
    with ForkServer() as fork_server, SharedSandbox() as gleans:
        yield KillRunner(
            fork_server,
            gleans,
            postgres,
            engine_and_store_template,
            lambda: tmp_path_factory.mktemp("killing"),
        )


def _saga_kinds() -> set[str]:
    """Every kind of saga that the product runs; nothing of it is run here."""
    anything = MagicMock()
    return {*build_sagas(anything), *build_schedule_sagas(anything, anything, anything, anything)}


def _saga_definitions() -> dict[str, SagaDefinition]:
    """Every saga's definition by its kind, wherever the domain has them."""
    found: dict[str, SagaDefinition] = {}
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, SagaDefinition):
                assert found.setdefault(value.kind, value) is value
    return found


def _step_names(definition: SagaDefinition) -> set[str]:
    """Everything that the engine records of such a saga: steps, compensations, and the end of one that has failed."""
    undone = {compensation_step_name(each) for each in definition.steps if each.compensation}
    return {*(each.name for each in definition.steps), *undone, FINAL_STEP}


def test_every_saga_of_the_product_has_a_scene() -> None:
    assert {point.kind for point in POINTS} == _saga_kinds()


def test_every_step_and_every_compensation_has_a_scene() -> None:
    definitions = _saga_definitions()
    assert {"provision", "teardown", "snapshot", "undo"} == definitions.keys()
    assert set(DATASET_SAGAS) == set(definitions.values())
    expected = {kind: _step_names(each) for kind, each in definitions.items()}
    expected["undo"] |= {
        "list",
        *(f"undo {each} of 1" for each in COMPENSATIONS),
    }  # it makes its steps itself
    assert expected == {kind: {point.step for point in POINTS if point.kind == kind} for kind in definitions}
    assert {
        each.name: each.compensation for each in reversed(PROVISION_STEPS) if each.compensation
    } == COMPENSATIONS


def test_every_method_of_a_port_is_a_query_or_an_effect() -> None:
    assert {port: port_methods(port) - set(queries) for port, queries in QUERIES.items()} == {
        "staging": {"write", "delete"},
        "archives": {"write", "purge"},
        "platform": {
            "ensure",
            "authorise",
            "push",
            "start_sync",
            "stop_sync",
            "discard_run",
            "delete_datasource",
        },
    }


def test_every_schedule_has_a_scene() -> None:
    scenes = {
        name
        for name, scene in ADMIN_SCENARIOS.items()
        if any(point.kind == SCHEDULED_RUN_KIND for point in scene.points)
    }
    assert scenes == set(build_scheduled_jobs(MagicMock(), MagicMock(), MagicMock()))


def test_the_slice_has_every_step_and_every_compensation_every_scene_and_some_of_everything() -> None:
    assert {each.point for each in SLICE if each.scene in ADMIN_SCENARIOS} == POINTS
    assert {each.point for each in SLICE if each.scene in INDEXING_SCENARIOS} == POINTS
    assert set(ADMIN_SCENARIOS) <= {each.scene for each in SLICE} <= set(SCENARIOS)
    assert set(SLICE) <= set(ALL)
    assert {each.moment for each in SLICE} == {*MOMENTS, RECORDED}
    ways = {(each.database, each.resumed) for each in SLICE}
    assert ways == {(database, resumed) for database in (SQLITE, POSTGRES) for resumed in (NEW, SURVIVING)}
    by_moment = [sum(each.moment == moment for each in SLICE) for moment in MOMENTS]
    assert min(by_moment) > len(SLICE) / 5


def test_the_matrix_has_every_moment_of_every_point_in_every_way() -> None:
    whole = [(scene, point) for scene in SCENARIOS.values() for point in scene.points]
    assert (
        len(set(ALL)) == len(ALL) == 4 * sum(len(crash_moments(scene.name, point)) for scene, point in whole)
    )


@pytest.mark.parametrize("scene", dict.fromkeys(each.scene for each in SLICE))
async def test_a_kill_at_any_point_changes_nothing_in_the_end(
    kill_runner: KillRunner, scene: str, record_property: Tell
) -> None:
    await _run_undisturbed(kill_runner, scene)
    await _run_kill_cases(kill_runner, [each for each in SLICE if each.scene == scene], record_property)


@pytest.mark.parametrize("scene", ALWAYS)
async def test_a_kill_between_any_two_requests_changes_nothing_in_the_end(
    kill_runner: KillRunner, scene: str, record_property: Tell
) -> None:
    calm = await _run_undisturbed(kill_runner, scene)
    assert calm.requests > (_PAGES if scene.endswith("provision") else 2)
    await _run_kill_cases(kill_runner, request_cases(scene, calm.requests), record_property)


@pytest.mark.exhaustive
@pytest.mark.parametrize("scene", UPLOADING)
async def test_a_kill_at_any_moment_of_any_request_changes_nothing_in_the_end(
    kill_runner: KillRunner, scene: str, record_property: Tell
) -> None:
    calm = await _run_undisturbed(kill_runner, scene)
    await _run_kill_cases(kill_runner, all_request_cases(scene, calm.requests), record_property)


@pytest.mark.exhaustive
@pytest.mark.parametrize("resumed", [NEW, SURVIVING])
@pytest.mark.parametrize("over", [SQLITE, POSTGRES])
@pytest.mark.parametrize("scene", SCENARIOS)
async def test_a_kill_at_any_moment_changes_nothing_in_the_end(
    kill_runner: KillRunner, scene: str, over: str, resumed: str, record_property: Tell
) -> None:
    wanted = (scene, over, resumed)
    cases = [each for each in ALL if (each.scene, each.database, each.resumed) == wanted]
    await _run_undisturbed(kill_runner, scene)
    await _run_kill_cases(kill_runner, cases, record_property)


async def _run_undisturbed(stage: KillRunner, scene: str) -> CaseOutcome:
    """How the scene ends when nobody dies, which is as it says."""
    calm = await stage.run_undisturbed(scene)
    assert (calm.picture.statuses, calm.picture.events[-1]) == (
        list(SCENARIOS[scene].ends),
        SCENARIOS[scene].last,
    )
    assert set(SCENARIOS[scene].points) <= set(calm.steps) <= POINTS
    assert [bug for bug in BUGS if bug in calm.log] == []
    return calm


async def _run_kill_cases(
    stage: KillRunner, cases: Sequence[StepKillCase | RequestKillCase], record_property: Tell
) -> None:
    failed: dict[str, list[str]] = {}
    began = time.monotonic()
    limit = anyio.CapacityLimiter(AT_ONCE)
    await stage.prepare_case(cases[0])

    async def run(case: StepKillCase | RequestKillCase) -> None:
        async with limit:
            if wrong := await _case_differences(stage, case):
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


async def _case_differences(stage: KillRunner, case: StepKillCase | RequestKillCase) -> list[str]:
    calm = await stage.run_undisturbed(case.scene)
    ending = await stage.run_killed(case)
    if isinstance(ending, str):
        return [ending]
    return [
        *snapshot_differences(vars(ending.picture), vars(calm.picture)),
        *snapshot_differences(ending.heard, calm.heard, "heard"),
        *(f"{bug} in the log:\n{ending.log}" for bug in BUGS if bug in ending.log),
    ]
