"""How a store keeps what principals have used lately."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import count, takewhile
from typing import TYPE_CHECKING

from domain.model import ClockReading, Uptime
from domain.policy.rate_limits import CALL_USE, TEARDOWN_USE
from tests.support.entities import NOW

if TYPE_CHECKING:
    from domain.ports import Store, UnitOfWork

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def after(seconds: float, *, boot: str = "boot-1", off: timedelta = timedelta()) -> ClockReading:
    """The reading that many seconds after NOW, by a clock that is wrong by `off`."""
    return ClockReading(
        at=NOW + seconds * SECOND + off, uptime=Uptime(boot=boot, seconds=1000 + seconds) if boot else None
    )


def ages_of(kind: str, principal: str, reading: ClockReading, uow: UnitOfWork) -> list[float]:
    """How many seconds before that reading each use of the last day was, the latest first."""
    ages = (uow.rate_limits.nth_latest_age(kind, principal, reading, DAY, n) for n in count(1))
    return [each.total_seconds() for each in takewhile(lambda age: age is not None, ages) if each is not None]


async def test_uses_are_told_from_the_last_of_one_kind_and_principal_within_a_window(store: Store) -> None:
    def use(uow: UnitOfWork) -> list[int]:
        return [
            uow.rate_limits.add(CALL_USE, "kim", after(2)),
            uow.rate_limits.add(CALL_USE, "kim", after(0)),
            uow.rate_limits.add(CALL_USE, "kim", after(0.000001)),
            uow.rate_limits.add(CALL_USE, "lee", after(1)),
            uow.rate_limits.add(TEARDOWN_USE, "kim", after(1)),
        ]

    numbers = await store.transact(use)
    assert len(set(numbers)) == 5
    assert await store.read(partial(ages_of, CALL_USE, "kim", after(86_400))) == [86_398, 86_399.999999]
    assert await store.read(partial(ages_of, CALL_USE, "KIM", after(3))) == []


async def test_a_use_is_dated_by_the_uptime_within_a_boot_and_else_by_the_clock(store: Store) -> None:
    def use(uow: UnitOfWork) -> None:
        for boot in ("boot-1", "boot-2", ""):
            uow.rate_limits.add(CALL_USE, boot, after(0, boot=boot))

    await store.transact(use)
    for off in (DAY, -DAY):
        now = after(5, off=off)
        assert await store.read(partial(ages_of, CALL_USE, "boot-1", now)) == [5]
    for boot in ("boot-2", ""):
        assert await store.read(partial(ages_of, CALL_USE, boot, after(5, off=SECOND))) == [6]
        assert await store.read(partial(ages_of, CALL_USE, boot, after(5, boot="", off=SECOND))) == [6]


async def test_one_use_is_forgotten_by_its_number_which_no_other_ever_gets(store: Store) -> None:
    first = await store.transact(lambda uow: uow.rate_limits.add(CALL_USE, "kim", after(0)))
    await store.transact(lambda uow: uow.rate_limits.delete(first))
    await store.transact(lambda uow: uow.rate_limits.delete(first))
    second = await store.transact(lambda uow: uow.rate_limits.add(CALL_USE, "kim", after(0)))
    assert second != first
    assert await store.read(partial(ages_of, CALL_USE, "kim", after(9))) == [9]


async def test_old_and_future_uses_of_one_kind_are_forgotten_whoever_had_them(store: Store) -> None:
    def use(uow: UnitOfWork) -> None:
        for at in (0, 1, 2, 3):
            uow.rate_limits.add(CALL_USE, "kim", after(at))
            uow.rate_limits.add(CALL_USE, "lee", after(at))
            uow.rate_limits.add(TEARDOWN_USE, "kim", after(at))
        uow.rate_limits.delete_outside(CALL_USE, after(1), oldest=SECOND, ahead=SECOND)

    await store.transact(use)
    assert await store.read(partial(ages_of, CALL_USE, "kim", after(9))) == [7, 8]
    assert await store.read(partial(ages_of, CALL_USE, "lee", after(9))) == [7, 8]
    assert len(await store.read(partial(ages_of, TEARDOWN_USE, "kim", after(9)))) == 4


async def test_a_use_that_only_a_wrong_clock_finds_old_is_kept(store: Store) -> None:
    def use(uow: UnitOfWork) -> None:
        uow.rate_limits.add(CALL_USE, "kim", after(0))
        for off in (DAY, -DAY):
            uow.rate_limits.delete_outside(CALL_USE, after(1, off=off), oldest=2 * SECOND, ahead=SECOND)

    await store.transact(use)
    assert await store.read(partial(ages_of, CALL_USE, "kim", after(1))) == [1]
