"""How a store keeps what principals have used lately."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import count, takewhile
from typing import TYPE_CHECKING

from domain.rates import CALL_USE, TEARDOWN_USE
from tests.entities import NOW

if TYPE_CHECKING:
    from datetime import datetime

    from domain.records import Records, Store

SECOND = timedelta(seconds=1)
LONG_AGO = NOW - timedelta(days=1)


def all_of(kind: str, principal: str, after: datetime, records: Records) -> list[datetime]:
    """Every use after that instant, the last first."""
    each = (records.nth_use(kind, principal, after, n) for n in count(1))
    return list(takewhile(lambda at: at is not None, each))  # type: ignore[arg-type] # none of them is None


async def test_uses_are_told_from_the_last_of_one_kind_and_principal_after_an_instant(store: Store) -> None:
    def use(records: Records) -> list[int]:
        return [
            records.add_use(CALL_USE, "kim", NOW + 2 * SECOND),
            records.add_use(CALL_USE, "kim", NOW),
            records.add_use(CALL_USE, "kim", NOW + SECOND / 1_000_000),
            records.add_use(CALL_USE, "lee", NOW + SECOND),
            records.add_use(TEARDOWN_USE, "kim", NOW + SECOND),
        ]

    numbers = await store.transact(use)
    assert len(set(numbers)) == 5
    found = await store.read(partial(all_of, CALL_USE, "kim", NOW))
    assert found == [NOW + 2 * SECOND, NOW + SECOND / 1_000_000]
    assert await store.read(partial(all_of, CALL_USE, "KIM", LONG_AGO)) == []


async def test_one_use_is_forgotten_by_its_number_which_no_other_ever_gets(store: Store) -> None:
    first = await store.transact(lambda records: records.add_use(CALL_USE, "kim", NOW))
    await store.transact(lambda records: records.drop_use(first))
    await store.transact(lambda records: records.drop_use(first))
    second = await store.transact(lambda records: records.add_use(CALL_USE, "kim", NOW))
    assert second != first
    assert await store.read(partial(all_of, CALL_USE, "kim", LONG_AGO)) == [NOW]


async def test_old_and_future_uses_of_one_kind_are_forgotten_whoever_had_them(store: Store) -> None:
    def use(records: Records) -> None:
        for at in (NOW, NOW + SECOND, NOW + 2 * SECOND, NOW + 3 * SECOND):
            records.add_use(CALL_USE, "kim", at)
            records.add_use(CALL_USE, "lee", at)
            records.add_use(TEARDOWN_USE, "kim", at)
        records.drop_uses(CALL_USE, until=NOW, after=NOW + 2 * SECOND)

    await store.transact(use)
    left = [NOW + 2 * SECOND, NOW + SECOND]
    assert await store.read(partial(all_of, CALL_USE, "kim", LONG_AGO)) == left
    assert await store.read(partial(all_of, CALL_USE, "lee", LONG_AGO)) == left
    assert len(await store.read(partial(all_of, TEARDOWN_USE, "kim", LONG_AGO))) == 4
