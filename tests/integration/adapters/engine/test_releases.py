"""What a process of another release leaves alone in the engine's database."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import anyio
from structlog.testing import capture_logs

from server.adapters.engine.engine import DurableEngine, _journal_at
from tests.support.polling import wait_for_async

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from domain.ports.engine import Json, StepRunner
    from server.infra.postgres.dsn import PostgresAddress

    Where = Path | PostgresAddress

WATCH_S = 0.02


class HoldingSaga:
    """A saga of these steps; it stands still inside the last one, until it is let go."""

    def __init__(self, *steps: str, still: bool = False) -> None:
        self.steps = steps
        self.effects: list[str] = []
        self.inside = anyio.Event()
        self.still = still

    async def __call__(self, perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        for step in self.steps:

            async def effect(step: str = step) -> Json:
                self.effects.append(step)
                if self.still and step == self.steps[-1]:
                    self.inside.set()
                    await anyio.sleep_forever()
                return {}

            await perform(step, effect)


def engine(where: Where, **sagas: HoldingSaga) -> DurableEngine:
    return DurableEngine(where, sagas, watch_s=WATCH_S, dead_after_s=0)


async def leave_unfinished_saga(where: Where, kind: str, *steps: str) -> None:
    """A saga of that kind, left inside its last step."""
    walk = HoldingSaga(*steps, still=True)
    async with engine(where, **{kind: walk}) as former:
        await former.start(kind, "s1", "ds-1")
        await walk.inside.wait()


def fruitless(where: Where) -> list[int]:
    with closing(_journal_at(where)) as journal:
        return [each.fruitless for each in journal.list_unfinished()]


async def test_a_kind_that_only_a_newer_release_knows_is_said_once_counted_never_and_left_to_it(
    engine_location: Where,
) -> None:
    await leave_unfinished_saga(engine_location, "reshape", "one", "two")
    known = HoldingSaga("one")
    with capture_logs() as logs:
        async with engine(engine_location, walk=known) as older:
            await wait_for_async(lambda: is_said(logs))
            for _ in range(5):
                await older.resume()
            await older.start("walk", "s2", "ds-1")
            assert await older.wait("s2", 30)
            assert list(await older.fetch_dead_letters()) == []
            assert not await older.wait("s1", 0)
    assert [each for each in logs if each["event"] != "saga_adopted"] == [
        {"event": "sagas_left_to_others", "kind": "reshape", "log_level": "info"}
    ]
    assert fruitless(engine_location) == [0]

    newer = HoldingSaga("one", "two")
    async with engine(engine_location, reshape=newer) as found:
        await found.resume()
        assert await found.wait("s1", 30)
    assert newer.effects == ["two"]


async def is_said(logs: Sequence[object]) -> bool:
    return any("sagas_left_to_others" in str(each) for each in logs)


async def test_steps_that_have_changed_under_their_kind_are_not_done_in_the_place_of_others(
    engine_location: Where,
) -> None:
    """The saga ends there; whoever has its dataset begins another, from the first step on."""
    await leave_unfinished_saga(engine_location, "walk", "one", "two", "three")
    other = HoldingSaga("one", "reshape", "three")
    with capture_logs() as logs:
        async with engine(engine_location, walk=other) as newer:
            await newer.resume()
            assert await newer.wait("s1", 30)
    assert other.effects == []
    assert "saga_broke" in {each["event"] for each in logs}


async def test_steps_that_come_behind_what_was_done_are_done(engine_location: Where) -> None:
    await leave_unfinished_saga(engine_location, "walk", "one", "two")
    longer = HoldingSaga("one", "two", "three")
    async with engine(engine_location, walk=longer) as newer:
        await newer.resume()
        assert await newer.wait("s1", 30)
    assert longer.effects == ["two", "three"]


async def test_an_engine_database_of_the_release_before_is_read_before_it_is_written(
    engine_location: Where,
) -> None:
    """It has no table of attempts, and sagas in it that are to be adopted."""
    await leave_unfinished_saga(engine_location, "walk", "one", "two")
    with closing(_journal_at(engine_location)) as journal:
        journal._execute("drop table attempts", {})  # noqa: SLF001
        assert [each.fruitless for each in journal.list_unfinished()] == [0]
    again = HoldingSaga("one", "two")
    async with engine(engine_location, walk=again) as newer:
        await newer.resume()
        assert await newer.wait("s1", 30)
    assert again.effects == ["two"]


async def test_tables_of_a_newer_engine_are_no_reason_to_stop(engine_location: Where) -> None:
    await leave_unfinished_saga(engine_location, "walk", "one", "two")
    with closing(_journal_at(engine_location)) as journal:
        journal._execute("update dbos_migrations set version = version + 1", {})  # noqa: SLF001
    again = HoldingSaga("one", "two")
    async with engine(engine_location, walk=again) as older:
        await older.resume()
        assert await older.wait("s1", 30)
    assert again.effects == ["two"]
