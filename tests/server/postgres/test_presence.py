"""Who looks for a server of a database finds one exactly while one lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.errors import StoreFailedError
from server.postgres.address import parsed
from server.postgres.presence import anybody, present
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
