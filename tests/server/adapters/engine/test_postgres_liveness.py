"""On a database, who is alive is who holds its lock, or held it a moment ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from domain.errors import Recovery, SettingsError, StoreFailedError
from server.adapters.engine import postgres, postgres_liveness
from server.adapters.engine.durable import DurableEngine
from server.adapters.engine.postgres import PostgresJournal, told
from server.adapters.engine.postgres_liveness import DatabaseOwners
from server.postgres.address import Address, parsed
from tests.postgres import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.ports import Perform
    from tests.postgres import Cluster


class Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def address(postgres: Cluster) -> Iterator[Address]:
    url = postgres.fresh()
    yield parsed(url)
    postgres.drop(url)


def owners(address: Address, clock: Hand | None = None) -> DatabaseOwners:
    return DatabaseOwners(address, dead_after_s=4, monotonic=clock or Hand())


def cut_off(postgres: Cluster, address: Address) -> None:
    name = name_of(address.name)
    asked = f"select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{name}'"  # noqa: S608
    postgres.execute(asked)


def test_a_death_is_believed_in_when_the_lock_has_been_free_for_a_while(address: Address) -> None:
    clock = Hand()
    living, looking = owners(address), owners(address, clock)
    owner = living.enter().owner
    mine = looking.enter()

    assert looking.alive(owner)
    assert looking.alive(mine.owner)
    living.leave()
    assert looking.alive(owner)
    clock.seconds += 3.9
    assert looking.alive(owner)
    clock.seconds += 0.1
    assert not looking.alive(owner)
    assert looking.alive(mine.owner)
    mine.end()


def test_who_comes_back_in_time_has_its_whole_time_again(address: Address, postgres: Cluster) -> None:
    clock = Hand()
    living, looking = owners(address), owners(address, clock)
    owner = living.enter().owner
    looking.enter()
    cut_off(postgres, address)

    assert looking.alive(owner)  # its own session was lost, too
    clock.seconds += 3
    living.stay()
    assert looking.alive(owner)
    living.leave()
    assert looking.alive(owner)
    clock.seconds += 3
    assert looking.alive(owner)
    looking.leave()


def test_whoever_loses_the_connection_itself_counts_anew(address: Address, postgres: Cluster) -> None:
    clock = Hand()
    looking = owners(address, clock)
    looking.enter()
    assert looking.alive("0" * 32)
    clock.seconds += 3
    cut_off(postgres, address)
    assert looking.alive("0" * 32)
    clock.seconds += 3
    assert looking.alive("0" * 32)
    clock.seconds += 1
    assert not looking.alive("0" * 32)
    looking.leave()


def test_one_adopts_at_a_time_in_one_process_and_in_two(address: Address) -> None:
    one, other = owners(address), owners(address)
    one.enter()
    other.enter()

    with one.adopting() as first, one.adopting() as again, other.adopting() as second:
        assert (first, again, second) == (True, False, False)
    with other.adopting() as third:
        assert third
    one.leave()
    other.leave()


def test_an_adoption_outlives_the_loss_of_its_session(address: Address, postgres: Cluster) -> None:
    one = owners(address)
    one.enter()
    with one.adopting() as alone:
        assert alone
        cut_off(postgres, address)
    with one.adopting() as again:
        assert again
    one.leave()


def test_sessions_that_keep_no_locks_are_refused(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_liveness, "_free", lambda _connection, _owner: True)

    with pytest.raises(SettingsError, match="a pooler hands one session to many") as refused:
        owners(address).enter()

    assert refused.value.field == "store.url"


def test_a_database_that_is_away_is_waited_for() -> None:
    away = parsed("postgresql://kim:s3cret@127.0.0.1:1/none")

    with pytest.raises(StoreFailedError) as failed:
        owners(away).enter()

    assert failed.value.recovery is Recovery.WAIT
    assert "s3cret" not in str(failed.value)


def test_a_journal_whose_database_is_away_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_SPARE_S", 0.1)
    journal = PostgresJournal(parsed("postgresql://127.0.0.1:1/none"))
    with pytest.raises(StoreFailedError, match="it cannot be reached") as failed:
        journal.unfinished()
    journal.close()

    assert failed.value.recovery is Recovery.WAIT


def test_a_journal_that_nobody_has_begun_holds_no_sagas(address: Address) -> None:
    journal = PostgresJournal(address)
    assert (journal.unfinished(), journal.ended("s1")) == ([], False)
    journal.close()
    assert not DurableEngine.pending(address)


def test_a_failure_says_whether_waiting_helps(address: Address) -> None:
    with pytest.raises(StoreFailedError, match="its disk is full") as failed, told(address, "failed"):
        raise psycopg.errors.DiskFull

    assert failed.value.recovery is Recovery.NEEDS_HUMAN


async def nothing(perform: Perform, dataset_id: str, saga_id: str) -> None:
    pass


async def test_a_user_who_may_not_make_the_engines_tables_is_told_what_helps(
    address: Address, postgres: Cluster
) -> None:
    name = f"engine_{name_of(address.name)}"
    postgres.execute(f"create role {name} login")
    limited = parsed(postgres.url(name_of(address.name), user=name))
    async with DurableEngine(limited, {"nothing": nothing}) as engine:
        with pytest.raises(SettingsError, match="may not create the saga engine's tables") as refused:
            await engine.start("nothing", "s1", "ds-1")
        assert "CREATE SCHEMA dbos" in refused.value.suggested_action

        with postgres_at(postgres, address) as owner:
            owner.execute(f"create schema dbos authorization {name}".encode())
        await engine.start("nothing", "s1", "ds-1")
        assert await engine.wait("s1", 20)
    with postgres_at(postgres, address) as owner:
        owner.execute(f"drop owned by {name} cascade".encode())
    postgres.execute(f"drop role {name}")


def postgres_at(postgres: Cluster, address: Address) -> psycopg.Connection[tuple[object, ...]]:
    return parsed(postgres.url(name_of(address.name))).connect()
