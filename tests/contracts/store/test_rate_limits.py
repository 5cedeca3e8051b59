"""How a store keeps what principals have used lately."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import count, takewhile
from typing import TYPE_CHECKING

from domain.policy.rate_limits import CALL_USE, TEARDOWN_USE
from tests.support.entities import NOW

if TYPE_CHECKING:
    from datetime import datetime

    from domain.ports import Store, UnitOfWork

SECOND = timedelta(seconds=1)
LONG_AGO = NOW - timedelta(days=1)


def all_of(kind: str, principal: str, after: datetime, uow: UnitOfWork) -> list[datetime]:
    """Every use after that instant, the last first."""
    each = (uow.rate_limits.nth_latest(kind, principal, after, n) for n in count(1))
    return list(takewhile(lambda at: at is not None, each))  # type: ignore[arg-type] # none of them is None


async def test_uses_are_told_from_the_last_of_one_kind_and_principal_after_an_instant(store: Store) -> None:
    def use(uow: UnitOfWork) -> list[int]:
        return [
            uow.rate_limits.add(CALL_USE, "kim", NOW + 2 * SECOND),
            uow.rate_limits.add(CALL_USE, "kim", NOW),
            uow.rate_limits.add(CALL_USE, "kim", NOW + SECOND / 1_000_000),
            uow.rate_limits.add(CALL_USE, "lee", NOW + SECOND),
            uow.rate_limits.add(TEARDOWN_USE, "kim", NOW + SECOND),
        ]

    numbers = await store.transact(use)
    assert len(set(numbers)) == 5
    found = await store.read(partial(all_of, CALL_USE, "kim", NOW))
    assert found == [NOW + 2 * SECOND, NOW + SECOND / 1_000_000]
    assert await store.read(partial(all_of, CALL_USE, "KIM", LONG_AGO)) == []


async def test_one_use_is_forgotten_by_its_number_which_no_other_ever_gets(store: Store) -> None:
    first = await store.transact(lambda uow: uow.rate_limits.add(CALL_USE, "kim", NOW))
    await store.transact(lambda uow: uow.rate_limits.delete(first))
    await store.transact(lambda uow: uow.rate_limits.delete(first))
    second = await store.transact(lambda uow: uow.rate_limits.add(CALL_USE, "kim", NOW))
    assert second != first
    assert await store.read(partial(all_of, CALL_USE, "kim", LONG_AGO)) == [NOW]


async def test_old_and_future_uses_of_one_kind_are_forgotten_whoever_had_them(store: Store) -> None:
    def use(uow: UnitOfWork) -> None:
        for at in (NOW, NOW + SECOND, NOW + 2 * SECOND, NOW + 3 * SECOND):
            uow.rate_limits.add(CALL_USE, "kim", at)
            uow.rate_limits.add(CALL_USE, "lee", at)
            uow.rate_limits.add(TEARDOWN_USE, "kim", at)
        uow.rate_limits.delete_outside(CALL_USE, until=NOW, after=NOW + 2 * SECOND)

    await store.transact(use)
    left = [NOW + 2 * SECOND, NOW + SECOND]
    assert await store.read(partial(all_of, CALL_USE, "kim", LONG_AGO)) == left
    assert await store.read(partial(all_of, CALL_USE, "lee", LONG_AGO)) == left
    assert len(await store.read(partial(all_of, TEARDOWN_USE, "kim", LONG_AGO))) == 4
