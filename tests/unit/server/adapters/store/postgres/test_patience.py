"""How long one call waits for a PostgreSQL that is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from psycopg_pool import PoolTimeout

from domain.errors import StoreUnavailableError
from domain.ports.store.patience import one_store_patience
from server.adapters.store.postgres import store as postgres
from server.adapters.store.postgres.store import PostgresStore
from server.infra.postgres.dsn import parse_postgres_url

if TYPE_CHECKING:
    from domain.ports import UnitOfWork


class PoolOfNobody:
    """A pool without connections; waiting for one passes time, by its own clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def getconn(self, timeout: float) -> None:
        self.waits.append(timeout)
        self.now += timeout
        raise PoolTimeout

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> PoolOfNobody:
    made = PoolOfNobody()
    monkeypatch.setattr(postgres, "time", made)
    return made


async def _ask(store: PostgresStore) -> None:
    def installation(uow: UnitOfWork) -> str:
        return uow.installation

    for question in (store.transact, store.read, store.transact):
        with pytest.raises(StoreUnavailableError):
            await question(installation)


async def test_all_questions_of_one_call_wait_no_longer_than_one(
    pool: PoolOfNobody, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresStore(parse_postgres_url("postgresql://u@db.invalid/d"))
    monkeypatch.setattr(store, "_pool", pool)
    with one_store_patience():
        await _ask(store)
    assert pool.waits == pytest.approx([5.0, 0.05, 0.05])
    pool.waits.clear()
    await _ask(store)  # what no call asks waits each time
    assert pool.waits == [5.0] * 3
    await store.close()
