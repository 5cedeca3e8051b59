"""A command with `--no-wait` leaves its work to a server on the same database, wherever that runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from domain.model.enums import JourneyState
from domain.ports import DatasetQuery
from tests.support.servers.replica_fleet import KIM, PATIENCE_S

if TYPE_CHECKING:
    from tests.support.servers.replica_fleet import ReplicaFleet

CLIENT = ("--client-id", "acme", "--journey-id", "acme-1", "--stage", "sandbox")
PROVISION = ("provision", *CLIENT, "--dataset-type", "jira_issues", "--record-count", "10")


async def command(fleet: ReplicaFleet, name: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and answer of a command, run in a process with a data folder of its own."""
    process = fleet.start_command(name, *arguments, "--json")
    with anyio.fail_after(PATIENCE_S):
        out, _ = await anyio.to_thread.run_sync(process.communicate, abandon_on_cancel=True)
    answer: dict[str, Any] = json.loads(out)
    return process.returncode, answer


async def test_a_server_elsewhere_does_what_commands_leave_to_it(fleet: ReplicaFleet) -> None:
    await fleet.add_client_and_journey("acme")
    code, refused = await command(fleet, "nobody", *PROVISION, "--no-wait")
    assert (code, refused["error"]["code"], refused["error"]["field"]) == (3, "invalid_argument", "no_wait")
    async with fleet.open_services() as services:
        assert await services.datasets.list(DatasetQuery(), KIM) == []

    server = fleet.start_replica("server", "--no-schedules")
    await server.wait_until_ready()
    with fleet.clock:
        code, left = await command(fleet, "provision", *PROVISION, "--no-wait")
        assert (code, left["status"], left["created"]) == (4, "provisioning", True)
    async with fleet.open_services() as services:
        dataset, _ = await services.sagas.wait(left["dataset_id"], PATIENCE_S)
        assert dataset.status == "ready"
        await services.registry.set_state("acme-1", JourneyState.COMPLETED, KIM)

    down = ("teardown", "--dataset-id", dataset.dataset_id, "--reason", "journey_completed", "--no-wait")
    code, left = await command(fleet, "teardown", *down)
    assert (code, left["status"]) == (4, "teardown")
    async with fleet.open_services() as services:
        dataset, _ = await services.sagas.wait(dataset.dataset_id, PATIENCE_S)
        assert dataset.status == "archived"
        await services.registry.set_state("acme-1", JourneyState.ACTIVE, KIM)

    back = ("restore", dataset.dataset_id, "--journey-id", "acme-1", "--no-wait")
    code, left = await command(fleet, "restore", *back)
    assert (code, left["status"]) == (4, "provisioning")
    async with fleet.open_services() as services:
        dataset, _ = await services.sagas.wait(left["dataset_id"], PATIENCE_S)
        assert (dataset.status, dataset.restored_from is not None) == ("ready", True)
