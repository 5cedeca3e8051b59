"""Who looks for a server of a database finds one exactly while one lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.errors import StoreFailedError
from server.postgres.address import parsed
from server.postgres.presence import anybody, lives, present
from tests.postgres import name_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres import Cluster


@pytest.fixture
def url(postgres: Cluster) -> Iterator[str]:
    made = postgres.fresh()
    yield made
    postgres.drop(made)


async def test_a_server_is_seen_until_the_last_has_gone(url: str) -> None:
    address = parsed(url)
    assert not anybody(address)
    with present(address):
        await eventually(lambda: anybody(address))
        with present(address):
            assert anybody(address)
        assert anybody(address)
    assert not anybody(address)


async def test_a_server_that_lost_its_session_is_seen_again(url: str, postgres: Cluster) -> None:
    address = parsed(url)
    with present(address, every_s=0.01):
        await eventually(lambda: anybody(address))
        name = name_of(url)
        postgres.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")  # noqa: S608
        await eventually(lambda: anybody(address))


def test_a_server_begins_while_its_database_is_away() -> None:
    with present(parsed("postgresql://127.0.0.1:1/nowhere"), every_s=0.01):
        pass
    with pytest.raises(StoreFailedError, match="cannot be reached"):
        anybody(parsed("postgresql://127.0.0.1:1/nowhere"))


async def test_each_server_is_seen_by_its_own_id_as_long_as_it_lives(url: str) -> None:
    address = parsed(url)
    with present(address) as one:
        assert one.wait(20)
        with present(address) as other:
            assert other.wait(20)
            assert (lives(address, one.owner), lives(address, other.owner)) == (True, True)
        assert (lives(address, one.owner), lives(address, other.owner)) == (True, False)
    assert not lives(address, one.owner)


def test_nobody_can_say_who_lives_where_the_database_is_away() -> None:
    away = parsed("postgresql://127.0.0.1:1/nowhere")
    with present(away, every_s=0.01) as shown:
        assert not shown.wait(0)
        with pytest.raises(StoreFailedError, match="cannot be reached"):
            lives(away, shown.owner)
