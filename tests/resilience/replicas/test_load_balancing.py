"""Three replicas behind one address that sends every request to the next of them: a client does not notice.

Real processes on one PostgreSQL and one Glean, and the SDK's own client, in both eras of the protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp import MCPError
from mcp.client.client import Client
from mcp_types import ElicitResult

from domain.model.enums import DatasetType
from tests.e2e.conftest import ERAS, Era
from tests.e2e.test_dataset_lifecycle import ToolClient
from tests.resilience.replicas.conftest import open_fleet
from tests.support.servers.load_balancer import run_balancer
from tests.support.servers.replica_fleet import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp.client.context import ClientRequestContext
    from mcp_types import ElicitRequestParams

    from tests.support.servers.replica_fleet import ReplicaFleet
    from tests.support.stores.postgres_server import PostgresServer

MODERN: Era = "2026-07-28"
TYPES = [each.value for each in DatasetType]

in_both_eras = pytest.mark.parametrize("era", ERAS)


@pytest.fixture(scope="module")
def three_replicas(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, engine_template: str
) -> Iterator[ReplicaFleet]:
    """Three replicas, started at once on an empty store."""
    with open_fleet(tmp_path_factory.mktemp("fleet"), postgres, engine_template) as fleet:
        fleet.servers = [fleet.start_replica(f"replica-{number}", "--no-schedules") for number in range(3)]
        yield fleet


async def ready(fleet: ReplicaFleet) -> None:
    for each in fleet.servers:
        await each.wait_until_ready()


def provision_arguments(
    client_id: str, dataset_type: str = "jira_issues", stage: str = "sandbox"
) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "journey_id": f"{client_id}-1",
        "stage": stage,
        "dataset_type": dataset_type,
        "record_count": 10,
    }


def count_effects(fleet: ReplicaFleet, name: str) -> int:
    """How often a datasource of that name was made, and how many syncs it had."""
    made = [entry for entry in fleet.sandbox.sandbox.ledger() if entry.operation == "datasources.create"]
    assert len([entry for entry in made if entry.datasource == name]) == 1
    return len(fleet.sandbox.sandbox.sync_jobs(name))


async def call_with_progress(client: Client, client_id: str) -> dict[str, Any]:
    """The answer of a call that waits for a moment, with what was heard meanwhile."""
    heard: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    asked = provision_arguments(client_id) | {"wait_s": 1}
    answer = await client.call_tool("provision_dataset", asked, progress_callback=hear)
    assert answer.structured_content is not None, answer.content
    told: dict[str, Any] = answer.structured_content
    return told | {"heard": heard}


@in_both_eras
async def test_a_long_call_is_polled_at_every_replica_and_each_shows_how_far_it_is(
    three_replicas: ReplicaFleet, era: Era
) -> None:
    await ready(three_replicas)
    client_id = f"long-{era}"
    await three_replicas.add_client_and_journey(client_id)
    with anyio.fail_after(PATIENCE_S * 2):
        async with (
            run_balancer(three_replicas.servers) as balancer,
            Client(balancer.address, mode=era) as client,
        ):
            agent, polls = ToolClient(client), list[dict[str, Any]]()
            with three_replicas.clock:
                while len(polls) < len(three_replicas.servers) or polls[-1]["progress"]["step"] != "index":
                    polls.append(await call_with_progress(client, client_id))
            made = await agent.call_ok("provision_dataset", **provision_arguments(client_id), wait_s=50)
    assert [each["created"] for each in polls] == [True] + [False] * (len(polls) - 1)
    assert {each["status"] for each in polls} == {"provisioning"}
    assert {each["dataset_id"] for each in polls} == {made["dataset_id"]}
    assert made["status"] == "ready"
    assert set(balancer.replicas_of("provision_dataset")[:3]) == set(three_replicas.servers)
    assert all(each["heard"] for each in polls)
    assert count_effects(three_replicas, made["name"]) == 1


@in_both_eras
async def test_an_answer_to_one_replicas_question_is_understood_by_the_next(
    three_replicas: ReplicaFleet, era: Era
) -> None:
    await ready(three_replicas)
    client_id = f"asked-{era}"
    await three_replicas.add_client_and_journey(client_id)
    names: list[str] = []

    async def types_the_name(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert names[0] in params.message
        return ElicitResult(action="accept", content={"dataset_name": names[0]})

    with anyio.fail_after(PATIENCE_S * 2):
        async with (
            run_balancer(three_replicas.servers) as balancer,
            Client(balancer.address, mode=era, elicitation_callback=types_the_name) as client,
        ):
            agent = ToolClient(client)
            made = await agent.call_ok("provision_dataset", **provision_arguments(client_id), wait_s=50)
            names.append(made["name"])
            await three_replicas.complete_journey(client_id)
            wanted = {"dataset_id": made["dataset_id"], "reason": "manual"}
            if era != MODERN:
                # Between two requests of the older era there is no session to ask in: a person is asked elsewhere.
                refusal = await agent.call_refused("teardown_dataset", **wanted)
                assert (refusal["code"], refusal["how"]) == ("confirmation_required", "approval")
                await three_replicas.approve_request(refusal["approval_id"], made["name"])
            down = await agent.call_ok("teardown_dataset", **wanted, wait_s=50)
            again = await agent.call_ok("teardown_dataset", **wanted)
    assert (down["status"], down["cleanup_verified"]) == ("archived", True)
    assert again["archived_path"] == down["archived_path"]
    first, second, *_ = balancer.replicas_of("teardown_dataset")
    assert first is not second


@in_both_eras
async def test_a_list_is_paged_across_replicas(three_replicas: ReplicaFleet, era: Era) -> None:
    await ready(three_replicas)
    client_id = f"paged-{era}"
    await three_replicas.add_client_and_journey(client_id)
    found: list[str] = []
    with anyio.fail_after(PATIENCE_S * 2):
        async with (
            run_balancer(three_replicas.servers) as balancer,
            Client(balancer.address, mode=era) as client,
        ):
            agent = ToolClient(client)
            made = [
                await agent.call_ok("provision_dataset", **provision_arguments(client_id, each), wait_s=50)
                for each in TYPES
            ]
            await three_replicas.complete_journey(client_id)
            asked = {"client_id": client_id, "min_age_days": 0, "limit": 1}
            page = await agent.call_ok("list_orphans", **asked)
            while True:
                found += [each["dataset_id"] for each in page["items"]]
                if "next_cursor" not in page:
                    break
                page = await agent.call_ok("list_orphans", **asked, cursor=page["next_cursor"])
    assert sorted(found) == sorted(each["dataset_id"] for each in made)
    assert set(balancer.replicas_of("list_orphans")) == set(three_replicas.servers)


@pytest.mark.parametrize("era", [pytest.param("legacy", marks=pytest.mark.exhaustive), MODERN])
async def test_a_replica_that_is_killed_in_a_long_call_is_replaced_by_another(
    three_replicas: ReplicaFleet, era: Era
) -> None:
    await ready(three_replicas)
    client_id = f"killed-{era}"
    await three_replicas.add_client_and_journey(client_id)
    with anyio.fail_after(PATIENCE_S * 2):
        async with run_balancer(three_replicas.servers) as balancer:
            with three_replicas.clock:
                async with Client(balancer.address, mode=era) as client:
                    indexing = anyio.Event()

                    async def hear(progress: float, total: float | None, message: str | None) -> None:
                        if message and ": index" in message:
                            indexing.set()

                    async def call() -> None:
                        with pytest.raises(MCPError, match="stream ended without a response"):
                            await client.call_tool(
                                "provision_dataset",
                                provision_arguments(client_id) | {"wait_s": 50},
                                progress_callback=hear,
                            )

                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(call)
                        await indexing.wait()
                        [busy] = balancer.replicas_of("provision_dataset")
                        busy.kill()
            three_replicas.servers.remove(busy)
            async with Client(balancer.address, mode=era) as client:
                agent = ToolClient(client)
                made = await agent.call_ok("provision_dataset", **provision_arguments(client_id), wait_s=50)
    assert (made["status"], made["created"]) == ("ready", False)
    assert count_effects(three_replicas, made["name"]) == 1
