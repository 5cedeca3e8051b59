"""A drain is seen by every process on the folder, from the moment it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from server.composition.process import open_services
from tests.resilience.processes.test_concurrent_callers import connect_clients
from tests.support.servers.data_folder import KIM, PROVISION_ARGUMENTS

if TYPE_CHECKING:
    from tests.support.servers.data_folder import DataFolder

TYPES = ("confluence_pages", "slack_messages")


async def test_with_provisions_running_in_two_processes_the_next_is_refused_everywhere_and_all_end_ready(
    data_folder: DataFolder,
) -> None:
    with data_folder.open_sandbox() as glean:
        glean.set_indexing_rate(1_000_000, minimum_seconds=2)
    with anyio.fail_after(100):
        async with connect_clients(data_folder, 2) as clients:
            begun = [
                await client.call_tool(
                    "provision_dataset", {**PROVISION_ARGUMENTS, "dataset_type": each, "wait_s": 0}
                )
                for client, each in zip(clients, TYPES, strict=True)
            ]
            async with open_services(data_folder.settings, sagas=False) as services:
                drain = await services.drain.begin_drain(KIM)
                refused = [
                    await client.call_tool(
                        "provision_dataset", {**PROVISION_ARGUMENTS, "dataset_type": "jira_issues"}
                    )
                    for client in clients
                ]
                settled = await services.drain.wait_until_idle()

    started = sorted(str((each.structured_content or {})["dataset_id"]) for each in begun)
    assert [each.dataset_id for each in drain.running] == started
    assert [(each.meta or {})["dataset-lifecycle/error"]["code"] for each in refused] == ["draining"] * 2
    assert settled.running == ()
    assert [(each.dataset_id, each.status) for each in await data_folder.load_datasets()] == [
        (each, "ready") for each in started
    ]
