"""The shared gate: requests queue, and none fails because many come at once."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.errors import PlatformThrottledError
from server.adapters.glean.transport.rate_limiter import RateLimiter
from tests.support.glean.datasources import MARK, admin_platform, datasource_spec, push_run, staged_line
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from server.adapters.glean.admin.platform import AdminPlatform
    from tests.support.sandbox.embedded import EmbeddedSandbox


async def take(limiter: RateLimiter, turns: int) -> float:
    """Seconds that so many turns took, asked for at once."""
    started = time.monotonic()

    async def one() -> None:
        async with limiter.slot():
            limiter.record_success()

    async with anyio.create_task_group() as group:
        for _ in range(turns):
            group.start_soon(one)
    return time.monotonic() - started


async def test_half_a_second_worth_of_requests_may_come_at_once_and_the_rest_in_its_time() -> None:
    limiter = RateLimiter(per_second=10, in_flight=200)
    took = []

    async def ten() -> None:
        took.append(await take(limiter, 10))

    async with anyio.create_task_group() as group:
        group.start_soon(ten)
        await anyio.wait_all_tasks_blocked()
        at_once = limiter.successes

    assert at_once >= 5
    assert limiter.successes == 10
    assert took[0] > 0.35


async def test_no_more_than_the_allowed_number_is_under_way() -> None:
    limiter = RateLimiter(per_second=1e6, in_flight=3)
    under_way = most = 0

    async def one() -> None:
        nonlocal under_way, most
        async with limiter.slot():
            under_way += 1
            most = max(most, under_way)
            await anyio.lowlevel.checkpoint()
            under_way -= 1

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(one)

    assert most == 3


async def test_a_closed_gate_holds_everybody_and_opens_without_a_burst() -> None:
    limiter = RateLimiter(per_second=100)
    limiter.record_throttling(0.2)

    assert await take(limiter, 8) > 0.2 + 5 / 100


async def test_who_waits_already_waits_for_a_gate_that_closes_meanwhile() -> None:
    limiter = RateLimiter(per_second=1000)
    limiter.record_throttling(0.1)
    started = time.monotonic()

    async def close_again() -> None:
        await anyio.lowlevel.checkpoint()
        limiter.record_throttling(0.3)

    async with anyio.create_task_group() as group:
        group.start_soon(take, limiter, 1)
        group.start_soon(close_again)

    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize("retry_after", [None, 1])
async def test_twenty_pushes_at_once_all_succeed_though_glean_allows_few(
    glean: EmbeddedSandbox, retry_after: int | None
) -> None:
    lines = [staged_line(number) for number in range(1200)]
    async with admin_platform(glean, limiter=RateLimiter(per_second=300), waits=0.05) as platform:
        marks = [replace(MARK, dataset_id=f"d{number}") for number in range(20)]
        handles = [
            await platform.ensure(datasource_spec(f"N{number}", mark)) for number, mark in enumerate(marks)
        ]
        glean.sandbox.limit_requests(40, retry_after=retry_after)
        # However slow this machine is, some of them are refused.
        glean.sandbox.faults.add(
            Fault(kind="status", status=429, retry_after=retry_after, operation="documents.upload", times=3)
        )

        async with anyio.create_task_group() as group:
            for handle, mark in zip(handles, marks, strict=True):
                group.start_soon(push_run, platform, handle, "run-1", lines, mark)

    requests = glean.sandbox.request_counts()
    assert requests["documents.upload", 200] == 60
    assert requests["documents.upload", 429] >= 3


async def test_one_that_never_gets_through_is_told_so_after_four_tries(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.faults.add(Fault(kind="status", status=429, retry_after=1, times=None))

    with pytest.raises(PlatformThrottledError) as caught:
        await platform.find_datasources()

    assert (caught.value.retry_after_s, caught.value.facts["tries"]) == (1, 4)


async def test_one_that_alone_never_gets_through_is_not_tried_for_ever(glean: EmbeddedSandbox) -> None:
    glean.sandbox.faults.add(Fault(kind="status", status=429, operation="search", times=None))
    done = anyio.Event()
    async with (
        admin_platform(glean, limiter=RateLimiter(per_second=1e6), waits=0) as platform,
        anyio.create_task_group() as group,
    ):

        async def others() -> None:
            while not done.is_set():
                await platform.fetch_fingerprint()

        group.start_soon(others)
        with pytest.raises(PlatformThrottledError):
            await platform.search("ledger")
        done.set()

    assert 4 <= glean.sandbox.request_counts()["search", 429] <= 4 * 26
