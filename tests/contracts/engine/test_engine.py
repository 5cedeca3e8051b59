"""What every saga engine does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from domain.ports import Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from domain.ports.engine import Json, Saga, StepRunner

    Open = Callable[[Mapping[str, Saga]], AbstractAsyncContextManager[Any]]


def answer(value: Json) -> Callable[[], Awaitable[Json]]:
    async def effect() -> Json:
        return value

    return effect


class ThreeStepSaga:
    """A saga of three steps that notes each effect and each answer; `gate` holds the second one."""

    def __init__(self, *, gated: bool = False) -> None:
        self.effects: list[str] = []
        self.answers: list[Json] = []
        self.inside = anyio.Event()
        self.gate = anyio.Event()
        if not gated:
            self.gate.set()

    async def __call__(self, perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        for step in ("one", "two", "three"):

            async def effect(step: str = step) -> Json:
                self.effects.append(step)
                if step == "two":
                    self.inside.set()
                    await self.gate.wait()
                return {"step": step, "of": dataset_id, "saga": saga_id}

            self.answers.append(await perform(step, effect))


async def test_a_saga_runs_every_step_in_order(open_engine: Open) -> None:
    walk = ThreeStepSaga()
    async with open_engine({"walk": walk}) as engine:
        await engine.start("walk", "s1", "ds-1")
        assert await engine.wait("s1", 10)
    assert walk.effects == ["one", "two", "three"]
    assert walk.answers == [{"step": each, "of": "ds-1", "saga": "s1"} for each in walk.effects]


async def test_a_saga_that_was_started_twice_runs_once(open_engine: Open) -> None:
    walk = ThreeStepSaga(gated=True)
    async with open_engine({"walk": walk}) as engine:
        async with anyio.create_task_group() as callers:
            for _ in range(5):
                callers.start_soon(engine.start, "walk", "s1", "ds-1")
        walk.gate.set()
        assert await engine.wait("s1", 10)
        await engine.start("walk", "s1", "ds-1")
        assert await engine.wait("s1", 10)
    assert walk.effects == ["one", "two", "three"]


async def test_an_ended_saga_stays_ended_for_the_next_engine(open_engine: Open) -> None:
    walk = ThreeStepSaga()
    async with open_engine({"walk": walk}) as engine:
        await engine.start("walk", "s1", "ds-1")
        assert await engine.wait("s1", 10)
    async with open_engine({"walk": walk}) as engine:
        await engine.resume()
        await engine.start("walk", "s1", "ds-1")
        assert await engine.wait("s1", 0)
    assert walk.effects == ["one", "two", "three"]


async def test_waiting_ends_when_its_time_is_over(open_engine: Open) -> None:
    walk = ThreeStepSaga(gated=True)
    async with open_engine({"walk": walk}) as engine:
        assert not await engine.wait("s1", 0.02)
        await engine.start("walk", "s1", "ds-1")
        assert not await engine.wait("s1", 0.02)
        assert not await engine.wait("s1", 0)


async def test_a_waiter_that_is_cancelled_leaves_the_saga_running(open_engine: Open) -> None:
    walk = ThreeStepSaga(gated=True)
    async with open_engine({"walk": walk}) as engine:
        await engine.start("walk", "s1", "ds-1")
        async with anyio.create_task_group() as waiters:
            waiters.start_soon(engine.wait, "s1", 60)
            await walk.inside.wait()
            waiters.cancel_scope.cancel()
        walk.gate.set()
        assert await engine.wait("s1", 10)
    assert walk.effects == ["one", "two", "three"]


async def test_a_starter_that_is_cancelled_leaves_no_saga_half_started(open_engine: Open) -> None:
    walk = ThreeStepSaga()
    async with open_engine({"walk": walk}) as engine:
        async with anyio.create_task_group() as callers:
            callers.start_soon(engine.start, "walk", "s1", "ds-1")
            await anyio.lowlevel.checkpoint()
            callers.cancel_scope.cancel()
        await engine.start("walk", "s1", "ds-1")
        assert await engine.wait("s1", 10)
    assert walk.effects == ["one", "two", "three"]


async def test_leaving_the_engine_leaves_its_sagas_to_the_next(open_engine: Open) -> None:
    stopped = ThreeStepSaga(gated=True)
    async with open_engine({"walk": stopped}) as engine:
        await engine.start("walk", "s1", "ds-1")
        await stopped.inside.wait()
    assert stopped.effects == ["one", "two"]

    resumed = ThreeStepSaga()
    async with open_engine({"walk": resumed}) as engine:
        await engine.resume()
        assert await engine.wait("s1", 10)
    assert resumed.effects == ["two", "three"]
    assert resumed.answers == [{"step": each, "of": "ds-1", "saga": "s1"} for each in ("one", "two", "three")]


async def test_starting_a_saga_that_was_left_takes_it_up(open_engine: Open) -> None:
    stopped = ThreeStepSaga(gated=True)
    async with open_engine({"walk": stopped}) as engine:
        await engine.start("walk", "s1", "ds-1")
        await stopped.inside.wait()

    resumed = ThreeStepSaga()
    async with open_engine({"walk": resumed}) as engine:
        await engine.start("walk", "s1", "ds-1")
        assert await engine.wait("s1", 10)
    assert resumed.effects == ["two", "three"]


async def test_it_is_known_who_works_on_a_saga(open_engine: Open) -> None:
    walk = ThreeStepSaga(gated=True)
    async with open_engine({"walk": walk}) as engine, open_engine({"walk": walk}) as other:
        assert await engine.find_worker("s1") is Worker.NOBODY
        await engine.start("walk", "s1", "ds-1")
        await walk.inside.wait()
        assert await engine.find_worker("s1") is Worker.THIS_PROCESS
        assert await other.find_worker("s1") is Worker.OTHER_PROCESS

    resumed = ThreeStepSaga()
    async with open_engine({"walk": resumed}) as engine:
        assert await engine.find_worker("s1") in {Worker.NOBODY, Worker.THIS_PROCESS}
        await engine.start("walk", "s1", "ds-1")
        assert await engine.wait("s1", 10)
        assert await engine.find_worker("s1") is Worker.NOBODY


async def test_nobody_works_on_the_saga_of_a_process_that_left(open_engine: Open) -> None:
    walk = ThreeStepSaga(gated=True)
    async with open_engine({"walk": walk}) as engine:
        await engine.start("walk", "s1", "ds-1")
        await walk.inside.wait()
    async with open_engine({}) as engine:
        assert await engine.find_worker("s1") is Worker.NOBODY


async def test_a_saga_that_breaks_has_ended_and_is_not_run_again(open_engine: Open) -> None:
    begun: list[str] = []

    async def fail_by_bug(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        async def effect() -> Json:
            begun.append(saga_id)
            raise ZeroDivisionError

        await perform("only", effect)

    async with open_engine({"broken": fail_by_bug}) as engine:
        await engine.start("broken", "s1", "ds-1")
        assert await engine.wait("s1", 10)
    async with open_engine({"broken": fail_by_bug}) as engine:
        await engine.resume()
        await engine.start("broken", "s1", "ds-1")
        assert await engine.wait("s1", 10)
    assert begun == ["s1"]


async def test_an_answer_that_is_no_json_breaks_the_saga(open_engine: Open) -> None:
    went_on: list[Json] = []

    async def strange(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        went_on.append(await perform("only", answer({"it": object()})))

    async with open_engine({"strange": strange}) as engine:
        await engine.start("strange", "s1", "ds-1")
        assert await engine.wait("s1", 10)
    assert went_on == []


async def test_a_kind_that_nobody_knows_cannot_be_started(open_engine: Open) -> None:
    async with open_engine({"walk": ThreeStepSaga()}) as engine:
        with pytest.raises(LookupError, match=r"'run'.*'walk'"):
            await engine.start("run", "s1", "ds-1")
        assert not await engine.wait("s1", 0)


async def test_a_saga_of_a_kind_that_is_gone_is_left_alone(open_engine: Open) -> None:
    stopped = ThreeStepSaga(gated=True)
    async with open_engine({"walk-1": stopped}) as engine:
        await engine.start("walk-1", "s1", "ds-1")
        await stopped.inside.wait()

    other = ThreeStepSaga()
    async with open_engine({"walk-2": other}) as engine:
        await engine.resume()
        assert not await engine.wait("s1", 0.3)
    assert other.effects == []

    resumed = ThreeStepSaga()
    async with open_engine({"walk-1": resumed, "walk-2": other}) as engine:
        await engine.resume()
        assert await engine.wait("s1", 10)
    assert (resumed.effects, other.effects) == (["two", "three"], [])


async def test_many_sagas_run_side_by_side(open_engine: Open) -> None:
    met = anyio.Event()
    inside: set[str] = set()

    async def meet_the_others(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        async def effect() -> Json:
            inside.add(dataset_id)
            if len(inside) == 10:
                met.set()
            await met.wait()
            return {}

        await perform("meet", effect)

    async with open_engine({"meeting": meet_the_others}) as engine:
        for each in range(10):
            await engine.start("meeting", f"s{each}", f"ds-{each}")
        assert all([await engine.wait(f"s{each}", 10) for each in range(10)])
    assert inside == {f"ds-{each}" for each in range(10)}
