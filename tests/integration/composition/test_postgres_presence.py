"""Who looks for a server of a database finds one exactly while one lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.errors import StoreFailedError
from server.infra.postgres.dsn import parse_postgres_url
from server.infra.postgres.presence import hold_database_presence, is_replica_alive, is_server_on_database
from tests.support.polling import wait_for
from tests.support.stores.postgres_server import database_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stores.postgres_server import PostgresServer


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    made = postgres.create_database()
    yield made
    postgres.drop_database(made)


async def test_a_server_is_seen_until_the_last_has_gone(url: str) -> None:
    address = parse_postgres_url(url)
    assert not is_server_on_database(address)
    with hold_database_presence(address):
        await wait_for(lambda: is_server_on_database(address))
        with hold_database_presence(address):
            assert is_server_on_database(address)
        assert is_server_on_database(address)
    assert not is_server_on_database(address)


async def test_a_server_that_lost_its_session_is_seen_again(url: str, postgres: PostgresServer) -> None:
    address = parse_postgres_url(url)
    with hold_database_presence(address, every_s=0.01):
        await wait_for(lambda: is_server_on_database(address))
        name = database_name(url)
        postgres.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")  # noqa: S608
        await wait_for(lambda: is_server_on_database(address))


def test_a_server_begins_while_its_database_is_away() -> None:
    with hold_database_presence(parse_postgres_url("postgresql://127.0.0.1:1/nowhere"), every_s=0.01):
        pass
    with pytest.raises(StoreFailedError, match="cannot be reached"):
        is_server_on_database(parse_postgres_url("postgresql://127.0.0.1:1/nowhere"))


async def test_each_server_is_seen_by_its_own_id_as_long_as_it_lives(url: str) -> None:
    address = parse_postgres_url(url)
    with hold_database_presence(address) as one:
        assert one.wait_until_held(20)
        with hold_database_presence(address) as other:
            assert other.wait_until_held(20)
            assert (is_replica_alive(address, one.owner), is_replica_alive(address, other.owner)) == (
                True,
                True,
            )
        assert (is_replica_alive(address, one.owner), is_replica_alive(address, other.owner)) == (True, False)
    assert not is_replica_alive(address, one.owner)


def test_nobody_can_say_who_lives_where_the_database_is_away() -> None:
    away = parse_postgres_url("postgresql://127.0.0.1:1/nowhere")
    with hold_database_presence(away, every_s=0.01) as shown:
        assert not shown.wait_until_held(0)
        with pytest.raises(StoreFailedError, match="cannot be reached"):
            is_replica_alive(away, shown.owner)
