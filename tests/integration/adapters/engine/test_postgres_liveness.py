"""On a database, who is alive is who holds its lock, or held it a moment ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from domain.errors import Recovery, SettingsError, StoreFailedError
from server.adapters.engine import postgres_journal, postgres_liveness
from server.adapters.engine.engine import DurableEngine
from server.adapters.engine.postgres_journal import PostgresJournal, translate_database_errors
from server.adapters.engine.postgres_liveness import PostgresLiveness
from server.infra.postgres.dsn import PostgresAddress, parse_postgres_url
from tests.support.stores.postgres_server import database_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.ports.engine import StepRunner
    from tests.support.stores.postgres_server import PostgresServer


class HandDrivenClock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def address(postgres: PostgresServer) -> Iterator[PostgresAddress]:
    url = postgres.create_database()
    yield parse_postgres_url(url)
    postgres.drop_database(url)


def owners(address: PostgresAddress, clock: HandDrivenClock | None = None) -> PostgresLiveness:
    return PostgresLiveness(address, dead_after_s=4, monotonic=clock or HandDrivenClock())


def cut_off(postgres: PostgresServer, address: PostgresAddress) -> None:
    name = database_name(address.name)
    asked = f"select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{name}'"  # noqa: S608
    postgres.execute(asked)


def test_a_death_is_believed_in_when_the_lock_has_been_free_for_a_while(address: PostgresAddress) -> None:
    clock = HandDrivenClock()
    living, looking = owners(address), owners(address, clock)
    owner = living.register().owner
    mine = looking.register()

    assert looking.is_alive(owner)
    assert looking.is_alive(mine.owner)
    living.unregister()
    assert looking.is_alive(owner)
    clock.seconds += 3.9
    assert looking.is_alive(owner)
    clock.seconds += 0.1
    assert not looking.is_alive(owner)
    assert looking.is_alive(mine.owner)
    mine.release()


def test_who_comes_back_in_time_has_its_whole_time_again(
    address: PostgresAddress, postgres: PostgresServer
) -> None:
    clock = HandDrivenClock()
    living, looking = owners(address), owners(address, clock)
    owner = living.register().owner
    looking.register()
    cut_off(postgres, address)

    assert looking.is_alive(owner)  # its own session was lost, too
    clock.seconds += 3
    living.renew()
    assert looking.is_alive(owner)
    living.unregister()
    assert looking.is_alive(owner)
    clock.seconds += 3
    assert looking.is_alive(owner)
    looking.unregister()


def test_whoever_loses_the_connection_itself_counts_anew(
    address: PostgresAddress, postgres: PostgresServer
) -> None:
    clock = HandDrivenClock()
    looking = owners(address, clock)
    looking.register()
    assert looking.is_alive("0" * 32)
    clock.seconds += 3
    cut_off(postgres, address)
    assert looking.is_alive("0" * 32)
    clock.seconds += 3
    assert looking.is_alive("0" * 32)
    clock.seconds += 1
    assert not looking.is_alive("0" * 32)
    looking.unregister()


def test_one_adopts_at_a_time_in_one_process_and_in_two(address: PostgresAddress) -> None:
    one, other = owners(address), owners(address)
    one.register()
    other.register()

    with one.adoption_lock() as first, one.adoption_lock() as again, other.adoption_lock() as second:
        assert (first, again, second) == (True, False, False)
    with other.adoption_lock() as third:
        assert third
    one.unregister()
    other.unregister()


def test_an_adoption_outlives_the_loss_of_its_session(
    address: PostgresAddress, postgres: PostgresServer
) -> None:
    one = owners(address)
    one.register()
    with one.adoption_lock() as alone:
        assert alone
        cut_off(postgres, address)
    with one.adoption_lock() as again:
        assert again
    one.unregister()


def test_sessions_that_keep_no_locks_are_refused(
    address: PostgresAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_liveness, "_is_lock_free", lambda _connection, _owner: True)

    with pytest.raises(SettingsError, match="a pooler shares one session among many") as refused:
        owners(address).register()

    assert refused.value.field == "store.url"


def test_a_database_that_is_away_is_waited_for() -> None:
    away = parse_postgres_url("postgresql://kim:s3cret@127.0.0.1:1/none")

    with pytest.raises(StoreFailedError) as failed:
        owners(away).register()

    assert failed.value.recovery is Recovery.WAIT
    assert "s3cret" not in str(failed.value)


def test_a_journal_whose_database_is_away_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_journal, "_SPARE_S", 0.1)
    journal = PostgresJournal(parse_postgres_url("postgresql://127.0.0.1:1/none"))
    with pytest.raises(StoreFailedError, match="it cannot be reached") as failed:
        journal.list_unfinished()
    journal.close()

    assert failed.value.recovery is Recovery.WAIT


def test_a_journal_that_nobody_has_begun_holds_no_sagas(address: PostgresAddress) -> None:
    journal = PostgresJournal(address)
    assert (journal.list_unfinished(), journal.has_ended("s1")) == ([], False)
    journal.close()
    assert not DurableEngine.has_unfinished_sagas(address)


def test_a_failure_says_whether_waiting_helps(address: PostgresAddress) -> None:
    with (
        pytest.raises(StoreFailedError, match="its disk is full") as failed,
        translate_database_errors(address, "failed"),
    ):
        raise psycopg.errors.DiskFull

    assert failed.value.recovery is Recovery.NEEDS_HUMAN


async def nothing(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
    pass


async def test_a_user_who_may_not_make_the_engines_tables_is_told_what_helps(
    address: PostgresAddress, postgres: PostgresServer
) -> None:
    name = f"engine_{database_name(address.name)}"
    postgres.execute(f"create role {name} login")
    limited = parse_postgres_url(postgres.url(database_name(address.name), user=name))
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


def postgres_at(postgres: PostgresServer, address: PostgresAddress) -> psycopg.Connection[tuple[object, ...]]:
    return parse_postgres_url(postgres.url(database_name(address.name))).connect()
