"""Steps forward, steps back, and the outcome of each."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

import pytest

from domain.errors import PlatformDeniedError, PlatformUnavailableError
from domain.lifecycle.sagas.context import SupersededError
from domain.lifecycle.sagas.definition import (
    Done,
    Failed,
    SagaDefinition,
    Step,
    StepFailure,
    Superseded,
    decode_outcome,
    encode_outcome,
)
from domain.lifecycle.sagas.execution import compensate, run_step, run_steps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.lifecycle.sagas.context import SagaContext
    from domain.lifecycle.sagas.definition import StepOutcome
    from domain.ports.engine import Json

Log = list[str]


async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
    return await effect()


def context_of(log: Log) -> SagaContext:
    """The steps of these tests write into their log, and know nothing else of a saga."""
    return cast("SagaContext", log)


def step(name: str, *, fails: Exception | None = None, undo_fails: Exception | None = None) -> Step:
    async def do(log: SagaContext) -> None:
        cast("Log", log).append(name)
        if fails:
            raise fails

    async def undo(log: SagaContext) -> None:
        cast("Log", log).append(f"undo {name}")
        if undo_fails:
            raise undo_fails

    return Step(name=name, action=do, compensation=undo)


def definition(kept: list[tuple[str, str]]) -> SagaDefinition:
    async def keep(_context: SagaContext, name: str, error: Json) -> None:
        kept.append((name, error["code"]))

    return SagaDefinition(kind="test", on_failure=lambda *_: None, record_failed_compensation=keep)


async def test_steps_run_in_order_and_none_fails() -> None:
    log: Log = []
    steps = [step("a"), step("b")]
    assert await run_steps(steps, context_of(log), perform) == (steps, None)
    assert log == ["a", "b"]


async def test_the_step_that_fails_is_the_last_begun_and_is_undone_too() -> None:
    log: Log = []
    kept: list[tuple[str, str]] = []
    steps = [step("a"), step("b", fails=PlatformDeniedError("no")), step("c")]
    begun, failure = await run_steps(steps, context_of(log), perform)
    assert failure == StepFailure(step="b", error=PlatformDeniedError("no").as_dict())
    await compensate(begun, context_of(log), perform, definition(kept))
    assert log == ["a", "b", "undo b", "undo a"]
    assert kept == []


async def test_an_undo_that_fails_is_kept_and_the_others_go_on() -> None:
    log: Log = []
    kept: list[tuple[str, str]] = []

    async def nothing(log: SagaContext) -> None:
        cast("Log", log).append("plain")

    steps = [
        step("a"),
        step("b", undo_fails=PlatformUnavailableError("away")),
        Step(name="plain", action=nothing),
    ]
    begun, _ = await run_steps(steps, context_of(log), perform)
    await compensate(begun, context_of(log), perform, definition(kept))
    assert log == ["a", "b", "plain", "undo b", "undo a"]
    assert kept == [("b", "platform_unavailable")]


async def test_an_undo_of_a_superseded_saga_stops_it() -> None:
    log: Log = []
    steps = [step("a"), step("b", undo_fails=SupersededError("x"))]
    begun, _ = await run_steps(steps, context_of(log), perform)
    with pytest.raises(SupersededError):
        await compensate(begun, context_of(log), perform, definition([]))
    assert log == ["a", "b", "undo b"]


async def test_a_bug_is_logged_and_told_as_one_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    async def fail_by_bug() -> None:
        raise KeyError("secret")

    with caplog.at_level(logging.ERROR):
        outcome = await run_step("push", fail_by_bug)
    assert isinstance(outcome, Failed)
    assert outcome.error["code"] == "internal"
    assert "secret" not in str(outcome)
    assert "step push failed" in caplog.text


async def test_a_superseded_saga_stops_where_it_is() -> None:
    assert await run_step("push", _supersede) == Superseded()
    with pytest.raises(SupersededError):
        await run_steps([step("a", fails=SupersededError("x"))], context_of([]), perform)


async def _supersede() -> None:
    raise SupersededError("x")


@pytest.mark.parametrize(
    ("outcome", "recorded"),
    [
        (Done(), {}),
        (Failed({"code": "internal"}), {"error": {"code": "internal"}}),
        (Superseded(), {"superseded": True}),
    ],
)
def test_an_outcome_is_recorded_as_releases_before_recorded_it(outcome: StepOutcome, recorded: Json) -> None:
    assert encode_outcome(outcome) == recorded
    assert decode_outcome(recorded) == outcome


async def test_the_process_dying_is_no_outcome() -> None:
    async def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await run_step("push", interrupt)
