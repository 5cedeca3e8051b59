from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, cast

import anyio.lowlevel
import pytest

from domain.errors import Recovery, StoreFailedError, StoreUnavailableError
from domain.lifecycle.sagas.definition import Failed, Step
from domain.lifecycle.sagas.execution import run_step, run_steps
from domain.lifecycle.sagas.store_retry import StoreWaits, with_store_retry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.lifecycle.sagas import SagaContext
    from domain.ports.engine import Json, Saga, StepRunner

WAIT = StoreUnavailableError("The store is away.")
HUMAN = StoreUnavailableError("The disk is full.", recovery=Recovery.NEEDS_HUMAN)


@dataclass
class RecordingClock:
    """A clock that notes how long it was slept, and takes no time."""

    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def uptime(self) -> None:
        return None

    def monotonic(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await anyio.lowlevel.checkpoint()


@dataclass
class FailingStep:
    """A step that meets errors before it is done."""

    errors: list[Exception]
    done: int = 0

    async def __call__(self, _: object) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.done += 1


def saga(*steps: tuple[str, FailingStep]) -> Saga:
    async def run(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        _, stumble = await run_steps(
            [Step(name=name, action=do) for name, do in steps], cast("SagaContext", saga_id), perform
        )
        if stumble:
            raise AssertionError(stumble)

    return run


async def at_once(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
    return await effect()


def retry_log_lines(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(each.levelno, each.getMessage()) for each in caplog.records]


async def test_a_step_that_meets_an_absent_store_is_done_again_until_it_is_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, first, second = RecordingClock(), FailingStep([]), FailingStep([WAIT] * 8)

    await with_store_retry(saga(("one", first), ("two", second)), clock, lambda: 1)(at_once, "d", "s")

    assert (first.done, second.done) == (1, 1)
    assert clock.slept == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5])
    assert retry_log_lines(caplog) == [
        (logging.WARNING, "s, step two waits: The store is away."),
        (logging.WARNING, "s, step two continues: the store is available again"),
    ]


async def test_what_needs_a_person_is_waited_for_at_greater_length_and_said_to_be_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, step = RecordingClock(), FailingStep([WAIT, *[HUMAN] * 10])

    await with_store_retry(saga(("one", step)), clock, lambda: 0)(at_once, "d", "s")

    assert clock.slept == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15, 15])
    assert [level for level, _ in retry_log_lines(caplog)] == [
        logging.WARNING,
        logging.ERROR,
        logging.WARNING,
    ]
    assert "s, step one waits: The disk is full." in caplog.text


async def test_what_only_a_person_can_mend_is_noted_while_the_saga_waits_for_it() -> None:
    waits, noted = StoreWaits(), list[StoreUnavailableError | None]()

    class Noting(RecordingClock):
        async def sleep(self, seconds: float) -> None:
            noted.append(waits.needing_person("s"))

    step = FailingStep([WAIT, HUMAN])
    await with_store_retry(saga(("one", step)), Noting(), lambda: 0, waits)(at_once, "d", "s")
    assert noted in ([None, HUMAN], [HUMAN, None])
    assert waits.needing_person("s") is None


async def test_a_step_that_the_engine_cannot_record_is_noted_until_the_saga_goes_on() -> None:
    waits, only = StoreWaits(), FailingStep([])

    async def unrecorded(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        await effect()
        raise HUMAN

    run = with_store_retry(saga(("one", only)), RecordingClock(), lambda: 0, waits)
    with pytest.raises(StoreUnavailableError):
        await run(unrecorded, "d", "s")
    assert waits.needing_person("s") is HUMAN
    await run(at_once, "d", "s")
    assert waits.needing_person("s") is None


async def test_what_a_saga_looks_at_before_its_first_step_is_waited_for_too() -> None:
    clock, looks, step = RecordingClock(), [WAIT, WAIT], FailingStep([])

    async def run_after_errors(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        if looks:
            raise looks.pop()
        await saga(("one", step))(perform, dataset_id, saga_id)

    await with_store_retry(run_after_errors, clock, lambda: 0)(at_once, "d", "s")

    assert (step.done, len(clock.slept)) == (1, 2)


async def test_a_saga_is_not_begun_anew_once_it_has_done_a_step() -> None:
    clock, step = RecordingClock(), FailingStep([])

    async def run_then_fail(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        await saga(("one", step))(perform, dataset_id, saga_id)
        raise WAIT

    with pytest.raises(StoreUnavailableError):
        await with_store_retry(run_then_fail, clock, lambda: 0)(at_once, "d", "s")

    assert (step.done, clock.slept) == (1, [])


async def test_a_row_that_cannot_be_understood_is_a_failure_of_its_step() -> None:
    step = FailingStep([StoreFailedError("The row of dataset 'd' cannot be understood.")])

    outcome = await run_step("one", partial(step, ""))
    assert isinstance(outcome, Failed)
    assert outcome.error["code"] == "store_failed"
    with pytest.raises(StoreUnavailableError):
        await run_step("one", partial(FailingStep([WAIT]), ""))


async def test_a_process_that_ends_ends_the_wait() -> None:
    class Patiently(RecordingClock):
        async def sleep(self, seconds: float) -> None:
            await anyio.sleep_forever()

    step = FailingStep([WAIT])
    with anyio.move_on_after(0) as scope:
        await with_store_retry(saga(("one", step)), Patiently(), lambda: 0)(at_once, "d", "s")
    assert scope.cancelled_caught
    assert step.done == 0
