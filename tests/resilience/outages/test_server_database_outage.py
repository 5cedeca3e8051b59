"""Servers whose database goes away stay up, say so, and go on by themselves when it is back: nobody restarts them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import httpx
import pytest
import yaml
from mcp.client.client import Client

from domain.governance.schedules import ScheduleService
from domain.model.schedule import Schedule
from server.adapters.clock import SystemClock
from server.adapters.store.postgres.store import PostgresStore
from server.infra.postgres.dsn import parse_postgres_url
from tests.resilience.replicas.conftest import open_fleet
from tests.support.polling import wait_for, wait_for_async
from tests.support.refusals import read_refusal
from tests.support.resilience.outages.database_proxy import run_proxy
from tests.support.servers.replica_fleet import PATIENCE_S
from tests.support.stores.postgres_server import database_name
from tests.support.webhooks.receiver import SECRET, WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.resilience.outages.database_proxy import DatabaseProxy
    from tests.support.servers.replica_fleet import ReplicaFleet, ReplicaProcess
    from tests.support.stores.postgres_server import PostgresServer

WISH = {
    "client_id": "acme",
    "journey_id": "acme-1",
    "stage": "sandbox",
    "dataset_type": "jira_issues",
    "record_count": 10,
}


@asynccontextmanager
async def fleet_behind_proxy(
    folder: Path, cluster: PostgresServer, template: str
) -> AsyncIterator[tuple[ReplicaFleet, DatabaseProxy]]:
    """A fleet whose servers reach their database through a proxy."""
    with (
        run_proxy(str(cluster.folder / f".s.PGSQL.{cluster.port}")) as between,
        open_fleet(folder, cluster, template) as fleet,
    ):
        yield fleet, between


async def fetch_status(server: ReplicaProcess, path: str) -> tuple[int, dict[str, Any]]:
    async with httpx.AsyncClient(base_url=server.address, timeout=PATIENCE_S) as http:
        answer = await http.get(path)
        return answer.status_code, answer.json()


async def call_provision(server: ReplicaProcess, **more: Any) -> dict[str, Any]:
    """What a client is answered who wants a dataset, whether it is the dataset or an error."""
    async with Client(f"{server.address}/mcp") as client:
        answer = await client.call_tool("provision_dataset", WISH | more)
    if answer.is_error:
        return read_refusal(answer)
    return dict(answer.structured_content or {})


async def last_scheduled_tick(database: str, name: str) -> str:
    """The tick of the last turn of a schedule that was done."""
    async with PostgresStore(parse_postgres_url(database)) as store:
        [found] = await ScheduleService(store, SystemClock(), [Schedule(name=name)]).list()
        return found.last.tick if found.last and found.last.outcome == "done" else ""


@pytest.mark.parametrize(
    "restarted", [False, pytest.param(True, marks=pytest.mark.exhaustive)], ids=["cut off", "restarted"]
)
async def test_servers_whose_database_goes_away_answer_so_and_go_on_by_themselves(
    tmp_path: Path, stoppable_postgres: PostgresServer, database_template: str, *, restarted: bool
) -> None:
    async with (
        WebhookReceiver().listen() as hook,
        fleet_behind_proxy(tmp_path, stoppable_postgres, database_template) as (fleet, between),
    ):
        config = fleet.write_config("told")
        read = yaml.safe_load(config.read_text())
        read["dataops"]["events"] = {
            "webhooks": [{"name": "hook", "url": hook.url, "secrets": [SECRET]}],
            "first_retry_s": 0.1,
        }
        config.write_text(yaml.safe_dump(read))
        through = f"postgresql://tester@127.0.0.1:{between.port}/{database_name(fleet.database)}"
        between.refusing = True
        servers = [
            fleet.start_replica(f"replica-{n}", config=config, environ={"DATABASE_URL": through})
            for n in range(2)
        ]
        await wait_for(lambda: all(each.port for each in servers), PATIENCE_S)
        for each in servers:
            assert await fetch_status(each, "/healthz") == (HTTPStatus.OK, {"status": "up"})
            code, body = await fetch_status(each, "/readyz")
            assert (code, body["error"]["code"], body["error"]["recovery"]) == (503, "store_failed", "wait")
        between.refusing = False
        for each in servers:
            await each.wait_until_ready()
        await fleet.add_client_and_journey("acme")

        with fleet.clock:
            begun = await call_provision(servers[0], wait_s=1)
            assert begun["status"] == "provisioning"
            if restarted:
                await anyio.to_thread.run_sync(stoppable_postgres.stop)
            else:
                between.refusing = True
                between.drop_connections()
            told = await call_provision(servers[1])
            assert (told["code"], told["recovery"]) == ("store_failed", "wait")
            for each in servers:
                assert await fetch_status(each, "/healthz") == (HTTPStatus.OK, {"status": "up"})
            if restarted:
                await anyio.to_thread.run_sync(stoppable_postgres.start)
            between.refusing = False
            back = await last_scheduled_tick(fleet.database, "health")
        for each in servers:
            await each.wait_until_ready()
        made = await call_provision(servers[1], wait_s=50)
        assert (made.get("status"), made.get("dataset_id")) == ("ready", begun["dataset_id"])

        await wait_for(lambda: {1, 2, 3} <= set(hook.sequence_numbers), PATIENCE_S)
        assert [each.log_text.count("saga_adopted") for each in servers] == [0, 0]
        assert [each.process.poll() for each in servers] == [None, None]

        if restarted:  # the next minute, too

            async def further() -> bool:
                return await last_scheduled_tick(fleet.database, "health") > back

            await wait_for_async(further, 2 * PATIENCE_S, pause=0.5)
