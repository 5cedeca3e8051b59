"""How often a principal may call, over a window that slides."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import RateLimitedError, Recovery
from domain.model.principal import Principal, RequestContext
from domain.policy import read_clock
from domain.policy.rate_limits import CALL_USE, MINUTE, RateLimiter, RateLimits
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW, ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.ports import Store

KIM = Principal(subject="agent:kim")
LEE = Principal(subject="agent:lee")
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
numbers = count()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "store.db") as opened:
        yield opened


def rates(store: SqliteStore, clock: ManualClock, *, calls: int = 0, teardowns: int = 0) -> RateLimiter:
    return RateLimiter(store, clock, RateLimits(calls_per_minute=calls, teardowns_per_hour=teardowns))


async def latest_call_age(store: SqliteStore, clock: ManualClock) -> timedelta | None:
    """How long ago kim's last call was, as stored: also one that no limit counts any more."""
    reading = read_clock(clock)
    return await store.read(
        lambda uow: uow.rate_limits.nth_latest_age(CALL_USE, KIM.subject, reading, timedelta(days=7), 1)
    )


async def catch_refusal(limited: RateLimiter, principal: Principal = KIM) -> RateLimitedError:
    with pytest.raises(RateLimitedError) as caught:
        await limited.count_call(principal)
    return caught.value


async def test_a_call_too_many_is_told_exactly_when_the_next_is_possible(store: SqliteStore) -> None:
    clock = ManualClock()
    limited = rates(store, clock, calls=2)
    await limited.count_call(KIM)
    clock.instant += 20 * SECOND + SECOND / 3
    await limited.count_call(KIM)
    clock.instant += SECOND
    error = await catch_refusal(limited)
    assert error.as_dict() == {
        "code": "rate_limited",
        "message": "This caller has reached the limit of 2 calls a minute; the next is possible in 38.667 seconds.",
        "recovery": "wait",
        "retry_after_s": 38.667,
        "suggested_action": "Wait for `retry_after_s` seconds, then make the same call again.",
    }
    assert error.recovery is Recovery.WAIT
    clock.instant += timedelta(seconds=38.666)
    assert (await catch_refusal(limited)).retry_after_s == 0.001
    clock.instant += timedelta(seconds=0.001)
    await limited.count_call(KIM)


async def test_a_call_that_is_refused_does_not_put_the_next_off(store: SqliteStore) -> None:
    clock = ManualClock()
    limited = rates(store, clock, calls=1)
    await limited.count_call(KIM)
    for _ in range(5):
        clock.instant += 10 * SECOND
        assert (await catch_refusal(limited)).retry_after_s == 60 - (clock.instant - NOW).total_seconds()
    clock.instant += 10 * SECOND
    await limited.count_call(KIM)


async def test_principals_have_each_their_own_and_so_have_calls_and_teardowns(store: SqliteStore) -> None:
    limited = rates(store, ManualClock(), calls=1, teardowns=1)
    await limited.count_call(KIM)
    await limited.count_call(LEE)
    await limited.count_teardown(KIM)
    assert (await catch_refusal(limited, LEE)).retry_after_s == 60
    with pytest.raises(RateLimitedError, match="1 teardowns an hour") as caught:
        await limited.count_teardown(KIM)
    assert caught.value.retry_after_s == 3600


async def test_an_agent_uses_what_its_principal_has(store: SqliteStore) -> None:
    limited = rates(store, ManualClock(), calls=1)
    await limited.count_call(Principal(subject="kim", actors=("agent",)))
    await catch_refusal(limited, Principal(subject="kim"))


async def test_without_a_bound_nothing_is_counted(store: SqliteStore) -> None:
    limited = RateLimiter(store, ManualClock())
    for _ in range(3):
        await limited.count_call(KIM)
        await limited.refund(await limited.count_teardown(KIM))
    assert await latest_call_age(store, ManualClock()) is None


@pytest.mark.parametrize(
    "unlimited",
    [
        Principal(subject="schedule:sweep"),
        Principal(
            subject="agent:kim",
            call=RequestContext(
                audit_id="au-1", at=NOW, verb="orphans sweep", via="cli", swept_by="agent:kim"
            ),
        ),
    ],
    ids=["a schedule", "a sweep made by hand"],
)
async def test_a_schedule_and_a_sweep_have_no_bound(store: SqliteStore, unlimited: Principal) -> None:
    limited = rates(store, ManualClock(), calls=1, teardowns=1)
    for _ in range(3):
        await limited.count_call(unlimited)
        assert await limited.count_teardown(unlimited) is None
    await limited.count_call(KIM)


@pytest.mark.parametrize(
    ("subject", "via", "allowed"),
    [("person:kim", "cli", 3), ("agent:kim", "cli", 1), ("person:kim", "http", 1), ("person:kim", None, 1)],
)
async def test_only_a_person_at_a_terminal_has_the_larger_bound(
    store: SqliteStore, subject: str, via: str | None, allowed: int
) -> None:
    limits = RateLimits(calls_per_minute=0, teardowns_per_hour=1, terminal_teardowns_per_hour=3)
    limited = RateLimiter(store, ManualClock(), limits)
    call = RequestContext(audit_id="au-1", at=NOW, verb="teardown", via=via) if via else None
    caller = Principal(subject=subject, call=call)
    for _ in range(allowed):
        assert await limited.count_teardown(caller)
    with pytest.raises(RateLimitedError, match=f"limit of {allowed} teardowns an hour"):
        await limited.count_teardown(caller)


async def test_a_teardown_that_came_to_nothing_is_given_back(store: SqliteStore) -> None:
    limited = rates(store, ManualClock(), teardowns=1)
    await limited.refund(await limited.count_teardown(KIM))
    use = await limited.count_teardown(KIM)
    with pytest.raises(RateLimitedError):
        await limited.count_teardown(KIM)
    await limited.refund(use)
    await limited.count_teardown(KIM)


async def test_a_bound_that_was_lowered_waits_for_as_many_as_are_too_much(store: SqliteStore) -> None:
    clock = ManualClock()
    for _ in range(4):
        await rates(store, clock, calls=4).count_call(KIM)
        clock.instant += SECOND
    assert (await catch_refusal(rates(store, clock, calls=2))).retry_after_s == 60 - 4 + 2


@pytest.mark.parametrize("jump", [-DAY, DAY])
async def test_a_clock_that_jumps_by_a_day_neither_locks_a_caller_out_nor_lifts_the_limit(
    store: SqliteStore, jump: timedelta
) -> None:
    clock = ManualClock()
    limited = rates(store, clock, calls=1)
    for _ in range(3):
        await limited.count_call(KIM)
        clock.instant += 20 * SECOND
        clock.off += jump
        assert (await catch_refusal(limited)).retry_after_s == 40
        clock.off -= jump
        assert (await catch_refusal(limited)).retry_after_s == 40
        clock.off += jump
        clock.instant += 40 * SECOND


async def test_a_clock_that_was_set_back_while_the_machine_was_off_locks_nobody_out(
    store: SqliteStore,
) -> None:
    clock = ManualClock()
    limited = rates(store, clock, calls=1)
    await limited.count_call(KIM)
    clock.boot, clock.off = "boot-2", -DAY
    await limited.count_call(KIM)
    assert (await catch_refusal(limited)).retry_after_s == 60


async def test_without_an_uptime_a_clock_that_was_set_back_by_a_day_locks_nobody_out(
    store: SqliteStore,
) -> None:
    clock = ManualClock(boot=None)
    limited = rates(store, clock, calls=1)
    await limited.count_call(KIM)
    clock.off -= DAY
    await limited.count_call(KIM)
    assert (await catch_refusal(limited)).retry_after_s == 60


async def test_another_machine_counts_what_was_used_by_the_clock(store: SqliteStore) -> None:
    clock, other = ManualClock(), ManualClock(boot="other")
    await rates(store, clock, calls=1).count_call(KIM)
    other.instant += 20 * SECOND
    assert (await catch_refusal(rates(store, other, calls=1))).retry_after_s == 40


async def test_what_is_long_over_is_not_kept(store: SqliteStore) -> None:
    clock = ManualClock()
    limited = rates(store, clock, calls=5)
    await limited.count_call(KIM)
    clock.instant += timedelta(minutes=3)
    await limited.count_call(LEE)
    assert await latest_call_age(store, ManualClock()) is None


async def test_callers_at_once_in_two_stores_get_no_more_than_is_allowed(
    store: SqliteStore, tmp_path: Path
) -> None:
    let_through: list[int] = []

    async def hurry(limited: RateLimiter) -> None:
        try:
            await limited.count_call(KIM)
        except RateLimitedError:
            return
        let_through.append(1)

    async with SqliteStore(tmp_path / "store.db") as other, anyio.create_task_group() as tasks:
        for each in (store, other):
            for _ in range(20):
                tasks.start_soon(hurry, rates(each, ManualClock(), calls=15))
    assert len(let_through) == 15


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(1, 4),
    steps=st.lists(st.tuples(st.integers(0, 45_000), st.booleans()), min_size=1, max_size=30),
)
async def test_no_window_holds_more_than_is_allowed_and_none_is_refused_without_need(
    store: SqliteStore, limit: int, steps: list[tuple[int, bool]]
) -> None:
    clock, principal = ManualClock(), Principal(subject=f"agent:{next(numbers)}")
    limited = rates(store, clock, calls=limit)
    let_through: list[datetime] = []
    for pause_ms, patient in steps:
        clock.instant += timedelta(milliseconds=pause_ms)
        within = [each for each in let_through if each > clock.instant - MINUTE]
        if len(within) == limit:
            left = (within[0] + MINUTE - clock.instant).total_seconds()
            assert (await catch_refusal(limited, principal)).retry_after_s == left
            if not patient:
                continue
            clock.instant += timedelta(seconds=left)
        await limited.count_call(principal)
        let_through.append(clock.instant)
    for first in let_through:
        assert len([each for each in let_through if first <= each < first + MINUTE]) <= limit


async def test_counting_does_not_wait_for_the_disk() -> None:
    asked: list[bool] = []

    class Noting:
        """A store that only notes whether a commit has to outlive the power."""

        async def transact(self, _work: object, *, lasting: bool = True) -> int:
            asked.append(lasting)
            return 1

    limited = RateLimiter(
        cast("Store", Noting()), ManualClock(), RateLimits(calls_per_minute=1, teardowns_per_hour=1)
    )
    await limited.count_call(KIM)
    await limited.refund(await limited.count_teardown(KIM))
    assert asked == [False, False, False]
