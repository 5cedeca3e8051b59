"""The thread that does what requests leave."""

from __future__ import annotations

import sqlite3
from threading import Event
from typing import TYPE_CHECKING

from server.sandbox.background import BackgroundThread
from tests.support.polling import wait_for

if TYPE_CHECKING:
    import pytest


async def test_it_works_until_nothing_is_left_and_begins_again_when_it_is_asked_to() -> None:
    left = [3]

    def step() -> bool:
        left[0] -= 1
        return left[0] > 0

    background = BackgroundThread(step)
    for more in (3, 2):
        left[0] = more
        background.start()
        await wait_for(lambda: not background.is_busy())
        assert left == [0]


async def test_it_has_one_thread_and_ends_it_between_two_steps() -> None:
    began, may_end, steps = Event(), Event(), [0]

    def step() -> bool:
        steps[0] += 1
        began.set()
        return may_end.wait(20)

    background = BackgroundThread(step)
    background.start()
    assert began.wait(20)
    background.start()
    assert background.is_busy()
    may_end.set()
    background.close()
    done = steps[0]
    background.start()
    assert (background.is_busy(), steps[0]) == (False, done)


async def test_trouble_with_the_file_is_logged_and_ends_it_for_now(caplog: pytest.LogCaptureFixture) -> None:
    steps = [0]

    def step() -> bool:
        steps[0] += 1
        raise sqlite3.OperationalError("database or disk is full")

    background = BackgroundThread(step)
    for number in (1, 2):
        background.start()
        await wait_for(lambda: not background.is_busy())
        assert steps == [number]
    assert [each.message for each in caplog.records] == [
        "the sandbox's file failed: database or disk is full"
    ] * 2
