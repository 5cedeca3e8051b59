"""Background work goes on whatever a round meets, says what failed once, and ends when it is told to."""

from __future__ import annotations

import asyncio

import anyio
import pytest
import structlog
from structlog.testing import capture_logs

from domain.errors import StoreFailedError
from server.workers.loop import FailureLog, run_every, run_in_background, run_once

FULL, BROKEN = StoreFailedError("The disk is full."), RuntimeError("A bug.")


def failure_log() -> FailureLog:
    return FailureLog(structlog.get_logger("test"), "not_done", what="w")


class Work:
    """Rounds that meet these, one after another; then the loop is cancelled."""

    def __init__(self, *met: Exception | None) -> None:
        self.met = list(met)
        self.rounds = 0

    async def __call__(self) -> None:
        self.rounds += 1
        if not self.met:
            raise asyncio.CancelledError
        if met := self.met.pop(0):
            raise met


async def run(work: Work, pauses: list[float], interval: float = 2.0) -> None:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    with pytest.raises(asyncio.CancelledError):
        await run_every(interval, work, failure_log(), sleep=sleep)


async def test_a_failure_is_logged_once_until_it_is_another_one_or_was_over() -> None:
    work = Work(FULL, FULL, BROKEN, BROKEN, FULL, None, FULL)
    with capture_logs() as logged:
        await run(work, [])
    assert [(each["event"], each["what"], each["cause"], each["exc_info"]) for each in logged] == [
        ("not_done", "w", "The disk is full.", False),
        ("not_done", "w", "A bug.", True),
        ("not_done", "w", "The disk is full.", False),
        ("not_done", "w", "The disk is full.", False),
    ]
    assert {each["log_level"] for each in logged} == {"warning"}


async def test_the_first_round_is_at_once_and_every_round_is_followed_by_a_pause() -> None:
    work, pauses = Work(None, FULL, None), list[float]()
    with capture_logs():
        await run(work, pauses)
    assert (work.rounds, pauses) == (4, [2.0, 2.0, 2.0])


async def test_pauses_may_differ() -> None:
    lengths, pauses = iter([1.0, 3.0]), list[float]()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    with pytest.raises(asyncio.CancelledError):
        await run_every(lambda: next(lengths), Work(None, None), failure_log(), sleep=sleep)
    assert pauses == [1.0, 3.0]


async def test_a_single_round_records_what_it_meets_and_raises_nothing() -> None:
    failures = failure_log()
    with capture_logs() as logged:
        for met in (FULL, FULL, None, FULL):
            await run_once(Work(met), failures)
    assert len(logged) == 2


async def test_work_in_the_background_ends_with_its_context_whatever_it_does_then() -> None:
    begun, ended = anyio.Event(), list[str]()

    async def wait_for_ever(name: str) -> None:
        try:
            begun.set()
            await anyio.sleep_forever()
        finally:
            ended.append(name)

    with anyio.fail_after(5):
        async with run_in_background([wait_for_ever("a"), wait_for_ever("b")]):
            await begun.wait()
            assert ended == []
    assert sorted(ended) == ["a", "b"]


async def test_work_that_a_cancellation_does_not_reach_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.workers.loop._CANCEL_AGAIN_S", 0)
    begun, missed = anyio.Event(), list[str]()

    async def miss_the_first() -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        except asyncio.CancelledError:
            missed.append("once")
        await anyio.sleep_forever()

    with anyio.fail_after(5):
        async with run_in_background([miss_the_first()]):
            await begun.wait()
    assert missed == ["once"]
