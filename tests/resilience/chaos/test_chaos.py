"""Whatever dies, and whenever: once everything has ended, the whole world is as it should be.

`CHAOS_SEED` repeats a run, `CHAOS_SAGAS` says how many sagas the long one has.
"""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest

from tests.resilience.chaos.conftest import FIGURES
from tests.support.content.template_repository import write_repository
from tests.support.polling import wait_for
from tests.support.resilience.chaos.callers import FAULTS
from tests.support.resilience.chaos.driver import ChaosRun
from tests.support.resilience.chaos.installation import Installation
from tests.support.resilience.chaos.invariants import find_violations
from tests.support.resilience.chaos.plan import draw_plan
from tests.support.resilience.chaos.system_state import collect_state, is_webhook_registered, pending_work
from tests.support.webhooks.receiver import WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.resilience.chaos.plan import ChaosPlan

    Record = Callable[[str, object], None]

SEED = os.environ.get("CHAOS_SEED")
SAGAS = int(os.environ.get("CHAOS_SAGAS", "200"))
RECORDS = 12
REST_S = 300.0
ROUNDS = 5


@pytest.fixture
def installation(tmp_path: Path, request: pytest.FixtureRequest) -> Installation:
    """Folders, and a database that has nothing yet: the processes make its tables, all at once."""
    (folder := tmp_path / "place").mkdir()
    url = request.getfixturevalue("postgres").create_database() if request.param == "postgres" else ""
    return Installation(folder, url)


async def run_until_idle(chaos: ChaosRun, place: Installation) -> None:
    """Everybody lives once more, until nothing is left to do, and ends well."""
    async with anyio.create_task_group() as processes:
        await chaos.restart_all(processes)
        try:
            await wait_for(lambda: not pending_work(place), REST_S)
        except TimeoutError:
            pytest.fail(f"seed {chaos.plan.seed}: it never came to rest: {pending_work(place)}")
        await chaos.stop_all()


async def play_plan(
    plan: ChaosPlan, place: Installation, repository: Path, record: Record, *, brisk: bool
) -> None:
    """Play a plan to its quiet end, and look at everything."""
    began, seed = anyio.current_time(), f"seed {plan.seed}"
    with ExitStack() as stack:
        url = stack.enter_context(place.run_sandbox_process()) if place.database else ""
        async with WebhookReceiver().listen() as receiver:
            place.configure(repository, receiver.url, url)
            chaos = ChaosRun(plan, place, stack.enter_context(place.open_sandbox()), brisk=brisk)
            async with chaos.fork_server.running():
                await chaos.run(ready=lambda: is_webhook_registered(place))
                over = anyio.current_time()
                for _ in range(ROUNDS):
                    await run_until_idle(chaos, place)
                    if not pending_work(place):  # a schedule may have had its turn while they ended
                        break
            verified = await anyio.to_thread.run_sync(place.run_command, "audit", "verify")
        figures, wrong = chaos.figures, find_violations(collect_state(place, receiver.messages))
    sagas = ", ".join(f"{name} {number}" for name, number in sorted(figures.sagas.items()))
    where = "PostgreSQL" if place.database else "SQLite"
    record(
        FIGURES,
        f"{where}, {seed}: {sagas}; {figures.kills} kills, {place.count_adoptions()} adoptions, "
        f"{over - began:.0f} s, then {anyio.current_time() - over:.0f} s to rest and look",
    )
    told = [*figures.surprises, *(": ".join(each) for each in wrong)]
    assert told == [], f"{seed} repeats it"
    assert verified.returncode == 0, verified.stderr
    assert figures.kills


@pytest.mark.parametrize("installation", ["sqlite", "postgres"], indirect=True)
async def test_sagas_end_and_nothing_is_lost_or_done_twice_whoever_dies(
    installation: Installation, tmp_path: Path, record_property: Record
) -> None:
    plan = draw_plan(int(SEED or 1), sagas=24, slots=6, kills=3)
    repository = write_repository(tmp_path / "repository", records=RECORDS)
    with anyio.fail_after(600):
        await play_plan(plan, installation, repository, record_property, brisk=True)


@pytest.mark.exhaustive
@pytest.mark.parametrize("installation", ["sqlite", "postgres"], indirect=True)
async def test_two_hundred_sagas_end_well_while_processes_die_for_minutes(
    installation: Installation, tmp_path: Path, record_property: Record
) -> None:
    plan = draw_plan(int(SEED or secrets.randbelow(1_000_000)), sagas=SAGAS)
    repository = write_repository(tmp_path / "repository", records=RECORDS)
    with anyio.fail_after(3600):
        await play_plan(plan, installation, repository, record_property, brisk=False)


def test_a_seed_gives_the_same_plan_each_time() -> None:
    assert draw_plan(7, sagas=200) == draw_plan(7, sagas=200)
    assert draw_plan(7, sagas=200) != draw_plan(8, sagas=200)


def test_a_plan_has_as_many_sagas_as_were_asked_for_and_every_kind_of_them() -> None:
    moves = draw_plan(7, sagas=200).moves
    assert len(moves) == 200
    assert {each.verb for each in moves} == {"make", "retry", "teardown"}
    assert {each.reason for each in moves} == {"journey_completed", "manual"}
    assert any(each.restored for each in moves)
    assert any(each.cancel_s is not None for each in moves)
    assert any(each.twin is not None for each in moves)


def test_no_plan_retries_or_takes_down_what_was_not_made() -> None:
    for seed in range(50):
        for script in draw_plan(seed, sagas=24, slots=6).scripts:
            assert script.moves[0].verb == "make"
            followed = zip(script.moves, script.moves[1:], strict=False)
            assert all(after.verb == "make" for move, after in followed if move.verb == "teardown")


def test_every_fault_of_a_plan_is_one_of_the_sandbox() -> None:
    assert {each.fault for each in draw_plan(7, sagas=2000).moves} - {None} == FAULTS.keys()
