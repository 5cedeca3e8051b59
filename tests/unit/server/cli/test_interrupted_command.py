from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import anyio
import pytest

from server.cli.command import _run_work

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from server.cli.exit_codes import ExitCode


def test_a_command_that_is_interrupted_before_it_begins_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Coroutine[None, None, ExitCode | None]] = []

    async def work() -> ExitCode | None:
        raise AssertionError

    def begin() -> Coroutine[None, None, ExitCode | None]:
        begun.append(work())
        return begun[0]

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(anyio, "run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _run_work(begin)
    assert inspect.getcoroutinestate(begun[0]) == inspect.CORO_CLOSED
