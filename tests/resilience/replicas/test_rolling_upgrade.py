"""One replica after the other is replaced, as the page on upgrades has it: whoever calls the others notices nothing."""

from __future__ import annotations

import signal
from itertools import count
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread
from mcp.client.client import Client

from tests.e2e.test_dataset_lifecycle import ToolClient
from tests.resilience.replicas.test_load_balancing import count_effects, provision_arguments
from tests.support.polling import wait_for
from tests.support.servers.replica_fleet import PATIENCE_S

if TYPE_CHECKING:
    from tests.support.servers.replica_fleet import ReplicaFleet

CALLS_MS = 100
MOST = 80


async def test_what_a_replica_leaves_when_it_is_told_to_end_goes_on_at_a_later_one_which_refuses_no_call(
    fleet: ReplicaFleet,
) -> None:
    answers: list[dict[str, Any]] = []
    asked = provision_arguments("long") | {"wait_s": 0}
    jobs = fleet.sandbox.sandbox.sync_jobs

    async def call(client: Client) -> None:
        for number in count():
            tool, given = ("check_connector_health", {}) if number % 2 else ("provision_dataset", asked)
            answer = await client.call_tool(tool, given)
            assert not answer.is_error, answer.content
            answers.append(answer.structured_content or {})
            if number < MOST:  # the limit of calls in a minute is not what is tested
                with anyio.move_on_after(CALLS_MS / 1000):
                    await anyio.sleep_forever()
            else:
                await anyio.sleep_forever()

    former = fleet.start_replica("former", "--no-schedules")
    await former.wait_until_ready()
    await fleet.add_client_and_journey("long")
    with anyio.fail_after(PATIENCE_S * 3):
        with fleet.clock:
            async with Client(f"{former.address}/mcp") as client:
                begun = await ToolClient(client).call_ok("provision_dataset", **asked)
            await wait_for(lambda: [each["status"] for each in jobs(begun["name"])] == ["RUNNING"], 60)
            later = fleet.start_replica("later", "--no-schedules")
            await later.wait_until_ready()
            async with Client(f"{later.address}/mcp") as client, anyio.create_task_group() as tasks:
                tasks.start_soon(call, client)
                await wait_for(lambda: len(answers) >= 2, 60)
                former.process.send_signal(signal.SIGTERM)
                status = await to_thread.run_sync(former.process.wait)
                before = len(answers)
                await wait_for(lambda: len(answers) >= before + 2, 60)
                tasks.cancel_scope.cancel()
        async with Client(f"{later.address}/mcp") as client:
            made = await ToolClient(client).call_ok(
                "provision_dataset", **provision_arguments("long"), wait_s=50
            )
    assert status == 0
    assert {each["status"] for each in answers if "status" in each} == {"provisioning"}
    assert (made["status"], made["dataset_id"], made["created"]) == ("ready", begun["dataset_id"], False)
    assert count_effects(fleet, made["name"]) == 1
    assert "Traceback" not in former.log_text + later.log_text
