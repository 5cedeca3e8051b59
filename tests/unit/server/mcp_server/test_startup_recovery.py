"""Taking up what a dead process left, without holding up a greeting."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest

from domain.errors import StoreFailedError
from server.composition.lazy_services import LazyServices
from server.mcp_server import startup_recovery
from server.mcp_server.startup_recovery import FirstResponseMiddleware, recover_pending_work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tools.services import Services


@asynccontextmanager
async def services() -> AsyncIterator[Services]:
    yield cast("Services", object())


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_recovery, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(startup_recovery, "_BREATH_S", 0)
    monkeypatch.setattr(startup_recovery, "_POLL_INTERVAL_S", 0.001)


async def test_services_are_opened_when_work_is_waiting() -> None:
    async with LazyServices(services) as opening:
        with anyio.fail_after(5):
            await recover_pending_work(opening, lambda: True, FirstResponseMiddleware())
        assert opening.opened


async def test_it_looks_again_until_there_is_work() -> None:
    answers = iter([False, False, True])
    async with LazyServices(services) as opening:
        with anyio.fail_after(5):
            await recover_pending_work(opening, lambda: next(answers), FirstResponseMiddleware())
        assert opening.opened
    assert list(answers) == []


async def test_it_stops_looking_when_somebody_else_opened_them() -> None:
    async with LazyServices(services) as opening:
        await opening.get_services()
        with anyio.fail_after(5):
            await recover_pending_work(opening, lambda: pytest.fail("looked"), FirstResponseMiddleware())


@pytest.mark.parametrize(
    ("error", "traced"),
    [(StoreFailedError("The disk is full."), False), (OSError("The disk is full."), True)],
)
async def test_what_cannot_be_taken_up_yet_is_logged_and_tried_again(
    error: Exception, traced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([error, error, True])

    def is_pending() -> bool:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    async with LazyServices(services) as opening:
        with anyio.fail_after(5):
            await recover_pending_work(opening, is_pending, FirstResponseMiddleware())
        assert opening.opened
    (line,) = caplog.records
    assert (line.levelno, bool(line.exc_info)) == (logging.WARNING, traced)
    assert "The disk is full." in line.getMessage()


async def test_the_first_answer_is_noticed_even_when_it_is_an_error() -> None:
    first = FirstResponseMiddleware()

    async def fails(_: object) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await first(cast("Any", None), cast("Any", fails))
    with anyio.fail_after(5):
        await first.wait(60)
