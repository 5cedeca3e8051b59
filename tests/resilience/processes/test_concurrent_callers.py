"""Callers and processes that want the same dataset at the same moment get one."""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.e2e.conftest import connect_client
from tests.resilience.processes.conftest import EFFECTS_OF_ONE_PROVISION, RECORDS
from tests.support.servers.data_folder import NAME, PROVISION_ARGUMENTS, REPOSITORY
from tests.support.state_snapshot import visible_effects

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp.client.client import Client

    from tests.support.servers.data_folder import DataFolder

CALLS = 10


@asynccontextmanager
async def connect_clients(folder: DataFolder, servers: int) -> AsyncIterator[list[Client]]:
    """A client each of that many servers on the folder, over stdio."""
    environ = {REPOSITORY: str(folder.repository)}
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                connect_client("stdio", "2026-07-28", folder.data, environ=environ)
            )
            for _ in range(servers)
        ]


async def call_ten_times(clients: list[Client], tool: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """What ten calls of that tool answer, shared out among the clients."""
    answers: list[dict[str, Any]] = []

    async def call(client: Client) -> None:
        answer = await client.call_tool(tool, {**asked, "wait_s": 50})
        assert answer.structured_content is not None, answer.content
        answers.append(answer.structured_content)

    async with anyio.create_task_group() as calls:
        for each in range(CALLS):
            calls.start_soon(call, clients[each % len(clients)])
    return answers


@pytest.mark.parametrize("servers", [1, 2])
async def test_ten_identical_calls_at_once_make_one_dataset(data_folder: DataFolder, servers: int) -> None:
    with anyio.fail_after(100):
        async with connect_clients(data_folder, servers) as clients:
            answers = await call_ten_times(clients, "provision_dataset", dict(PROVISION_ARGUMENTS))

    dataset = await data_folder.load_only_dataset()
    assert [each.pop("created") for each in answers].count(True) == 1
    assert (answers[0]["dataset_id"], answers[0]["status"]) == (dataset.dataset_id, "ready")
    assert answers == [answers[0]] * CALLS
    with data_folder.open_sandbox() as glean:
        assert [each["name"] for each in glean.datasources()] == [NAME]
        assert len(glean.documents(NAME)) == RECORDS
        assert visible_effects(glean) == EFFECTS_OF_ONE_PROVISION


@pytest.mark.every_change
async def test_ten_identical_teardowns_at_once_take_down_once(data_folder: DataFolder) -> None:
    await data_folder.admit_dataset()
    await data_folder.finish_pending_work()
    await data_folder.complete_journey()
    asked = {"dataset_id": (await data_folder.load_only_dataset()).dataset_id, "reason": "journey_completed"}
    with anyio.fail_after(100):
        async with connect_clients(data_folder, 2) as clients:
            answers = await call_ten_times(clients, "teardown_dataset", asked)

    assert answers[0]["status"] == "archived"
    assert answers == [answers[0]] * CALLS
    with data_folder.open_sandbox() as glean:
        assert visible_effects(glean) == EFFECTS_OF_ONE_PROVISION + Counter({"datasources.delete": 1})
