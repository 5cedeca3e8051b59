"""`restore_dataset` as its callers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from domain.model.enums import JourneyState, Stage
from domain.model.journey import Journey
from tests.integration.tools.conftest import ACME, ToolSession, open_tool_session
from tests.support.world import OPERATOR
from tools.toolsets import select_tools

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.model.dataset import Dataset
    from tests.support.world import World


@pytest.fixture
async def recovery_session(world: World) -> AsyncIterator[ToolSession]:
    """A client of a server with the toolset `recovery`."""
    async with open_tool_session(world, toolsets=("recovery",)) as served:
        yield served


async def archive_dataset(served: ToolSession) -> Dataset:
    """A dataset that was taken down, and the journey j2."""
    process = served.process
    await process.add_client_and_journey()
    dataset = await process.provision()
    await process.complete_journey()
    again = Journey(journey_id="j2", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE)
    await process.services.registry.add_journey(again, OPERATOR)
    return await process.tear_down(dataset)


def test_it_is_there_only_with_its_toolset() -> None:
    assert "restore_dataset" not in {each.name for each in select_tools()}
    assert "restore_dataset" in {each.name for each in select_tools(["recovery"])}


async def test_it_answers_with_the_new_dataset_and_attaches_to_it_later(
    recovery_session: ToolSession,
) -> None:
    gone = await archive_dataset(recovery_session)
    wanted = {"dataset_id": gone.dataset_id, "journey_id": "j2"}
    made = await recovery_session.call_ok("restore_dataset", wanted)
    assert made | {"quality": {}, "connector": {}, "dataset_id": "", "protected_until": ""} == {
        "name": "ACME-Sandbox-Confluence",
        "dataset_id": "",
        "client_id": "acme",
        "journey_id": "j2",
        "stage": "sandbox",
        "dataset_type": "confluence_pages",
        "status": "ready",
        "created": True,
        "platform": {"kind": "admin", "address": "sandbox"},
        "record_count": gone.record_count,
        "size_bytes": gone.size_bytes,
        "quality": {},
        "template": {"template_id": "fintech/developer_productivity/confluence_pages", "match": "exact"},
        "connector": {},
        "restored_from": gone.dataset_id,
        "protected_until": "",
    }
    assert made["dataset_id"] != gone.dataset_id
    assert made["protected_until"].endswith("Z")
    assert await recovery_session.call_ok("restore_dataset", wanted) == made | {"created": False}
    provided = await recovery_session.call_ok("provision_dataset", ACME | {"journey_id": "j2"})
    assert provided["dataset_id"] == made["dataset_id"]


async def test_a_call_that_does_not_wait_answers_at_once(recovery_session: ToolSession, world: World) -> None:
    gone = await archive_dataset(recovery_session)
    world.glean.set_indexing_rate(1_000_000, minimum_seconds=0.4)
    wanted = {"dataset_id": gone.dataset_id, "journey_id": "j2"}
    begun = await recovery_session.call_ok("restore_dataset", wanted | {"wait_s": 0})
    assert (begun["status"], begun["poll_after_s"], "protected_until" in begun) == ("provisioning", 5, False)
    with anyio.fail_after(20):
        ended = await recovery_session.call_ok("restore_dataset", wanted)
    assert (ended["status"], ended["created"]) == ("ready", False)
    assert ended["dataset_id"] == begun["dataset_id"]


async def test_what_cannot_come_back_says_why(recovery_session: ToolSession, world: World) -> None:
    gone = await archive_dataset(recovery_session)
    where = world.folder / "archives" / "acme" / "sandbox" / "confluence_pages" / gone.dataset_id
    (where / "manifest.json").unlink()
    error = await recovery_session.call_refused(
        "restore_dataset", {"dataset_id": gone.dataset_id, "journey_id": "j2"}
    )
    assert (error["code"], error["recovery"], error["field"]) == (
        "not_restorable",
        "needs_human",
        "dataset_id",
    )
    assert "There is no archive in" in error["message"]


@pytest.mark.parametrize("missing", ["dataset_id", "journey_id"])
async def test_both_arguments_are_needed(recovery_session: ToolSession, missing: str) -> None:
    given = {"dataset_id": "acme-sandbox-confluence-7f3k2m", "journey_id": "j2"}
    del given[missing]
    error = await recovery_session.call_refused("restore_dataset", given)
    assert (error["code"], error["field"]) == ("invalid_argument", missing)


async def test_a_read_only_server_does_not_have_it(world: World) -> None:
    async with open_tool_session(world, toolsets=("recovery",), read_only=True) as served:
        listed = [each.name for each in (await served.client.list_tools()).tools]
        error = await served.call_refused("restore_dataset", {"dataset_id": "x", "journey_id": "j2"})
    assert "restore_dataset" not in listed
    assert error["code"] == "read_only"
