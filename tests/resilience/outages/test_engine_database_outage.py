"""An engine whose database is away: it answers, ends, and leaves what it had to whoever comes next."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import pytest
from structlog.testing import capture_logs

from domain.errors import Recovery, StoreUnavailableError
from server.adapters.engine import engine as durable
from server.adapters.engine.engine import DurableEngine
from server.adapters.engine.reconnecting import ReconnectingConnector
from tests.support.polling import wait_for

if TYPE_CHECKING:
    from domain.ports.engine import Json, StepRunner
    from server.infra.postgres.dsn import PostgresAddress
    from tests.support.resilience.outages.installation import Installation


async def one_step(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
    async def effect() -> Json:
        return {}

    await perform("only", effect)


@pytest.fixture
def database_address(installation: Installation) -> PostgresAddress:
    return installation.settings.store.address


async def test_an_engine_ends_while_its_database_is_away_and_the_next_one_goes_on(
    installation: Installation, database_address: PostgresAddress
) -> None:
    done: list[str] = []

    async def cut_off(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        async def effect() -> Json:
            done.append(saga_id)
            if len(done) == 1:
                installation.proxy.refusing = True
                installation.proxy.drop_connections()
            return {}

        await perform("only", effect)

    with capture_logs() as said, anyio.fail_after(60):
        async with DurableEngine(database_address, {"cut_off": cut_off}, dead_after_s=0.1) as engine:
            with suppress(StoreUnavailableError):  # whoever starts it may be told
                await engine.start("cut_off", "s1", "d")
            await wait_for(lambda: "engine_database_away" in [each["event"] for each in said])
    installation.proxy.refusing = False
    async with DurableEngine(
        database_address, {"cut_off": cut_off}, dead_after_s=0.1, watch_s=0.05
    ) as engine:
        assert await engine.wait("s1", 60)
    assert done == ["s1", "s1"]


async def test_a_start_that_the_database_does_not_answer_is_told_and_carried_out_when_it_does(
    installation: Installation, database_address: PostgresAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with DurableEngine(database_address, {"one_step": one_step}) as engine:
        await engine.launch()
        monkeypatch.setattr(durable, "_ANSWER_S", 0.1)
        installation.proxy.stall()
        with pytest.raises(StoreUnavailableError) as told:
            await engine.start("one_step", "s1", "d")
        installation.proxy.resume()
        assert await engine.wait("s1", 60)
    assert told.value.recovery is Recovery.WAIT


async def test_nobody_waits_for_a_database_before_the_engine_runs_or_after_it_ended(
    installation: Installation, database_address: PostgresAddress
) -> None:
    connections = ReconnectingConnector(database_address)
    installation.proxy.refusing = True
    with pytest.raises(Exception, match="connection failed"):
        connections.connect()
    connections.enable_waiting()
    connections.stop_waiting()
    with pytest.raises(Exception, match="being closed"):
        connections.connect()
    installation.proxy.refusing = False
    left = connections.connect()
    connections.close()
    assert left.closed
    with pytest.raises(Exception, match="being closed"):
        connections.connect()


async def test_a_connection_that_is_lost_while_it_is_made_is_closed(
    database_address: PostgresAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.adapters.engine.reconnecting._IDLE_S", "no number")
    with pytest.raises(Exception, match="invalid value for parameter"):
        ReconnectingConnector(database_address).connect()
