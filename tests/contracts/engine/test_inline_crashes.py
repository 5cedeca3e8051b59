"""Deaths of a process, played in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from tests.support.inline_engine import CrashAt, InlineEngine, JournalEntry, ProcessDied

if TYPE_CHECKING:
    from domain.ports.engine import Json, StepRunner

STEPS = ["one", "two", "three"]


def saga_into(effects: list[str]) -> dict[str, object]:
    async def walk(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        for step in STEPS:

            async def effect(step: str = step) -> Json:
                effects.append(step)
                return {"step": step}

            assert await perform(step, effect) == {"step": step}

    return {"walk": walk}


@pytest.mark.parametrize("moment", ["before", "inside", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_death_at_any_moment_repeats_at_most_the_step_it_came_in(step: str, moment: str) -> None:
    effects: list[str] = []
    journal: dict[str, JournalEntry] = {}
    async with InlineEngine(saga_into(effects), journal=journal, crash=CrashAt(step, moment)) as engine:  # type: ignore[arg-type]
        await engine.start("walk", "s1", "ds-1")
        assert not await engine.wait("s1", 10)
        assert engine.dead
    async with InlineEngine(saga_into(effects), journal=journal) as engine:  # type: ignore[arg-type]
        await engine.resume()
        assert await engine.wait("s1", 10)
    assert sorted(effects) == sorted([*STEPS, *([step] if moment == "inside" else [])])


async def test_the_other_sagas_of_a_dead_process_stop_too() -> None:
    inside, effects = anyio.Event(), list[str]()

    async def waits(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        async def effect() -> Json:
            inside.set()
            await anyio.sleep_forever()
            return {}

        async def undo() -> Json:
            effects.append("undone")
            return {}

        try:
            await perform("wait", effect)
        finally:
            with anyio.CancelScope(shield=True):
                await perform("undo", undo)

    sagas = {**saga_into(effects), "waits": waits}
    async with InlineEngine(sagas, crash=CrashAt("two", "before")) as engine:  # type: ignore[arg-type]
        await engine.start("waits", "s1", "ds-1")
        await inside.wait()
        await engine.start("walk", "s2", "ds-2")
        assert not await engine.wait("s2", 10)
        assert not await engine.wait("s1", 10)
        await engine.start("walk", "s3", "ds-3")
        assert not await engine.wait("s3", 0)
    assert effects == ["one"]


async def test_what_leaves_the_body_leaves_the_engine_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with InlineEngine({}):
            raise ZeroDivisionError


async def test_waiting_for_a_saga_that_nobody_started_takes_its_time() -> None:
    async with InlineEngine({}) as engine:
        assert not await engine.wait("s1", 0.01)


def test_a_death_is_no_error_that_a_saga_could_catch() -> None:
    assert not issubclass(ProcessDied, Exception)
