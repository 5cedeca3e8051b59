"""What a process of another release leaves alone in the engine's database."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import anyio
from structlog.testing import capture_logs

from server.adapters.engine.durable import DurableEngine, _journal
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from domain.ports import Json, Perform
    from server.postgres.address import Address

    Where = Path | Address

WATCH_S = 0.02


class Walk:
    """A saga of these steps; it stands still inside the last one, until it is let go."""

    def __init__(self, *steps: str, still: bool = False) -> None:
        self.steps = steps
        self.effects: list[str] = []
        self.inside = anyio.Event()
        self.still = still

    async def __call__(self, perform: Perform, dataset_id: str, saga_id: str) -> None:
        for step in self.steps:

            async def effect(step: str = step) -> Json:
                self.effects.append(step)
                if self.still and step == self.steps[-1]:
                    self.inside.set()
                    await anyio.sleep_forever()
                return {}

            await perform(step, effect)


def engine(where: Where, **sagas: Walk) -> DurableEngine:
    return DurableEngine(where, sagas, watch_s=WATCH_S, dead_after_s=0)


async def left(where: Where, kind: str, *steps: str) -> None:
    """A saga of that kind, left inside its last step."""
    walk = Walk(*steps, still=True)
    async with engine(where, **{kind: walk}) as former:
        await former.start(kind, "s1", "ds-1")
        await walk.inside.wait()


def fruitless(where: Where) -> list[int]:
    with closing(_journal(where)) as journal:
        return [each.fruitless for each in journal.unfinished()]


async def test_a_kind_that_only_a_newer_release_knows_is_said_once_counted_never_and_left_to_it(
    anywhere: Where,
) -> None:
    await left(anywhere, "reshape", "one", "two")
    known = Walk("one")
    with capture_logs() as logs:
        async with engine(anywhere, walk=known) as older:
            await until(lambda: said(logs))
            for _ in range(5):
                await older.resume()
            await older.start("walk", "s2", "ds-1")
            assert await older.wait("s2", 30)
            assert list(await older.stranded()) == []
            assert not await older.wait("s1", 0)
    assert [each for each in logs if each["event"] != "saga_adopted"] == [
        {"event": "sagas_left_to_others", "kind": "reshape", "log_level": "info"}
    ]
    assert fruitless(anywhere) == [0]

    newer = Walk("one", "two")
    async with engine(anywhere, reshape=newer) as found:
        await found.resume()
        assert await found.wait("s1", 30)
    assert newer.effects == ["two"]


async def said(logs: Sequence[object]) -> bool:
    return any("sagas_left_to_others" in str(each) for each in logs)


async def test_steps_that_have_changed_under_their_kind_are_not_done_in_the_place_of_others(
    anywhere: Where,
) -> None:
    """The saga ends there; whoever has its dataset begins another, from the first step on."""
    await left(anywhere, "walk", "one", "two", "three")
    other = Walk("one", "reshape", "three")
    with capture_logs() as logs:
        async with engine(anywhere, walk=other) as newer:
            await newer.resume()
            assert await newer.wait("s1", 30)
    assert other.effects == []
    assert "saga_broke" in {each["event"] for each in logs}


async def test_steps_that_come_behind_what_was_done_are_done(anywhere: Where) -> None:
    await left(anywhere, "walk", "one", "two")
    longer = Walk("one", "two", "three")
    async with engine(anywhere, walk=longer) as newer:
        await newer.resume()
        assert await newer.wait("s1", 30)
    assert longer.effects == ["two", "three"]


async def test_an_engine_database_of_the_release_before_is_read_before_it_is_written(anywhere: Where) -> None:
    """It has no table of attempts, and sagas in it that are to be adopted."""
    await left(anywhere, "walk", "one", "two")
    with closing(_journal(anywhere)) as journal:
        journal._change("drop table attempts", {})  # noqa: SLF001
        assert [each.fruitless for each in journal.unfinished()] == [0]
    again = Walk("one", "two")
    async with engine(anywhere, walk=again) as newer:
        await newer.resume()
        assert await newer.wait("s1", 30)
    assert again.effects == ["two"]


async def test_tables_of_a_newer_engine_are_no_reason_to_stop(anywhere: Where) -> None:
    await left(anywhere, "walk", "one", "two")
    with closing(_journal(anywhere)) as journal:
        journal._change("update dbos_migrations set version = version + 1", {})  # noqa: SLF001
    again = Walk("one", "two")
    async with engine(anywhere, walk=again) as older:
        await older.resume()
        assert await older.wait("s1", 30)
    assert again.effects == ["two"]
