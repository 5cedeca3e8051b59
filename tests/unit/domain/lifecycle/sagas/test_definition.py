"""Steps forward, steps back, and what is told of each."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from domain.errors import PlatformDeniedError, PlatformUnavailableError
from domain.lifecycle.sagas.definition import (
    Step,
    StepFailure,
    SupersededError,
    compensate,
    parse_step_failure,
    run_step,
    run_steps,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.ports.engine import Json

Log = list[str]


async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
    return await effect()


def step(name: str, *, fails: Exception | None = None, undo_fails: Exception | None = None) -> Step[Log]:
    async def do(log: Log) -> None:
        log.append(name)
        if fails:
            raise fails

    async def undo(log: Log) -> None:
        log.append(f"undo {name}")
        if undo_fails:
            raise undo_fails

    return Step(name=name, action=do, compensation=undo)


async def test_steps_run_in_order_and_nothing_stumbles() -> None:
    log: Log = []
    steps = [step("a"), step("b")]
    assert await run_steps(steps, log, perform) == (steps, None)
    assert log == ["a", "b"]


async def test_the_step_that_fails_is_the_last_begun_and_is_undone_too() -> None:
    log: Log = []
    kept: list[tuple[str, str]] = []

    async def keep(name: str, error: Json) -> None:
        kept.append((name, error["code"]))

    steps = [step("a"), step("b", fails=PlatformDeniedError("no")), step("c")]
    begun, stumble = await run_steps(steps, log, perform)
    assert stumble == StepFailure(step="b", error=PlatformDeniedError("no").as_dict())
    await compensate(begun, log, perform, keep)
    assert log == ["a", "b", "undo b", "undo a"]
    assert kept == []


async def test_an_undo_that_fails_is_kept_and_the_others_go_on() -> None:
    log: Log = []
    kept: list[tuple[str, str]] = []

    async def keep(name: str, error: Json) -> None:
        kept.append((name, error["code"]))

    async def nothing(log: Log) -> None:
        log.append("plain")

    steps = [
        step("a"),
        step("b", undo_fails=PlatformUnavailableError("away")),
        Step(name="plain", action=nothing),
    ]
    begun, _ = await run_steps(steps, log, perform)
    await compensate(begun, log, perform, keep)
    assert log == ["a", "b", "plain", "undo b", "undo a"]
    assert kept == [("b", "platform_unavailable")]


async def test_a_bug_is_logged_and_told_as_one_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> None:
        raise KeyError("secret")

    with caplog.at_level(logging.ERROR):
        answer = await run_step("push", broken)
    assert answer["error"]["code"] == "internal"
    assert "secret" not in str(answer)
    assert "step push failed" in caplog.text


async def test_a_superseded_saga_stops_where_it_is() -> None:
    async def superseded() -> None:
        raise SupersededError("x")

    answer = await run_step("push", superseded)
    assert answer == {"superseded": True}
    with pytest.raises(SupersededError):
        parse_step_failure("push", answer)


async def test_the_process_dying_is_no_answer() -> None:
    async def killed() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await run_step("push", killed)
