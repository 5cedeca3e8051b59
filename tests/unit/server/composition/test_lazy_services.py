"""Opening the services when they are first wanted."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import anyio
import pytest

from domain.errors import StoreFailedError
from server.composition.lazy_services import LazyServices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tools.services import Services


class WatchedServices:
    """Services that can be watched, and made to fail."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.broken: Exception | None = None
        self.slow = anyio.Event()
        self.slow.set()
        self.fault = anyio.Event()
        self.services = cast("Services", object())

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[Services]:
        self.seen.append("opening")
        await self.slow.wait()
        if self.broken:
            raise self.broken
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._fail_when_told)
            yield self.services
            tasks.cancel_scope.cancel()
        self.seen.append("closed")

    async def _fail_when_told(self) -> None:
        await self.fault.wait()
        raise RuntimeError("the engine fell over")


async def test_nothing_is_opened_that_nobody_wants() -> None:
    house = WatchedServices()
    async with LazyServices(house.provider) as opening:
        assert not opening.opened
    assert house.seen == []


async def test_many_who_want_them_at_once_get_the_same_and_they_are_closed_once() -> None:
    house = WatchedServices()
    got: list[Services] = []
    async with LazyServices(house.provider) as opening:

        async def want() -> None:
            got.append(await opening.get_services())

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(want)
        assert opening.opened
    assert got == [house.services] * 10
    assert house.seen == ["opening", "closed"]


async def test_a_caller_that_goes_away_while_they_open_leaves_them_to_the_others() -> None:
    house = WatchedServices()
    house.slow = anyio.Event()
    async with LazyServices(house.provider) as opening:
        with anyio.move_on_after(0.01):
            await opening.get_services()
        house.slow.set()
        assert await opening.get_services() is house.services
    assert house.seen == ["opening", "closed"]


async def test_what_goes_wrong_is_told_to_those_who_wait_and_the_next_one_tries_again() -> None:
    house = WatchedServices()
    house.broken = StoreFailedError("The disk is full.")
    async with LazyServices(house.provider) as opening:
        for _ in range(2):
            with pytest.raises(StoreFailedError):
                await opening.get_services()
        house.broken = None
        assert await opening.get_services() is house.services
    assert house.seen == ["opening", "opening", "opening", "closed"]


async def test_services_that_fall_over_are_logged_and_opened_anew(caplog: pytest.LogCaptureFixture) -> None:
    house = WatchedServices()
    async with LazyServices(house.provider) as opening:
        await opening.get_services()
        house.fault.set()
        with anyio.fail_after(5):
            while opening.opened:
                await anyio.lowlevel.checkpoint()
        house.fault = anyio.Event()
        assert await opening.get_services() is house.services
    assert house.seen == ["opening", "opening", "closed"]
    assert [each.levelno for each in caplog.records] == [logging.ERROR]
    assert "the engine fell over" in caplog.text


async def test_leaving_while_they_are_being_opened_does_not_wait() -> None:
    house = WatchedServices()
    house.slow = anyio.Event()
    with anyio.fail_after(5):
        async with LazyServices(house.provider) as opening, anyio.create_task_group() as tasks:
            tasks.start_soon(opening.get_services)
            while not house.seen:
                await anyio.lowlevel.checkpoint()
            await opening.close()
            tasks.cancel_scope.cancel()
    assert house.seen == ["opening"]


async def test_closing_returns_when_they_are_closed() -> None:
    house = WatchedServices()
    async with LazyServices(house.provider) as opening:
        await opening.get_services()
        await opening.close()
        assert house.seen == ["opening", "closed"]
