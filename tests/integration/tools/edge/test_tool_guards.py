"""How a tool is described and guarded."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mcp.client.client import Client
from mcp_types import InputRequiredResult, ToolAnnotations

from domain.errors import DeclinedError, StoreFailedError
from server.mcp_server.server import build_server
from tests.integration.tools.conftest import ACME, MODERN, ToolSession, open_tool_session, result_text
from tools.core.list_orphans import TOOL

if TYPE_CHECKING:
    import pytest

    from tests.support.world import World
    from tools.services import Services


async def test_the_four_tools_are_listed_in_their_order_with_every_hint_written_out(
    tool_session: ToolSession,
) -> None:
    listed = (await tool_session.client.list_tools()).tools
    assert {each.name: each.annotations for each in listed} == {
        "provision_dataset": hints(read_only=False, destructive=False, open_world=True),
        "teardown_dataset": hints(read_only=False, destructive=True, open_world=True),
        "check_connector_health": hints(read_only=True, destructive=False, open_world=True),
        "list_orphans": hints(read_only=True, destructive=False, open_world=False),
    }
    assert [each.name for each in listed] == [
        "provision_dataset",
        "teardown_dataset",
        "check_connector_health",
        "list_orphans",
    ]
    assert all(each.title and each.description and each.output_schema for each in listed)


def hints(*, read_only: bool, destructive: bool, open_world: bool) -> ToolAnnotations:
    return ToolAnnotations(
        read_only_hint=read_only,
        destructive_hint=destructive,
        idempotent_hint=True,
        open_world_hint=open_world,
    )


async def test_neither_services_nor_caller_can_be_given_as_arguments(tool_session: ToolSession) -> None:
    for name in ("services", "principal", "ctx"):
        assert (await tool_session.call_refused("list_orphans", {name: "x"}))["field"] == name


async def test_an_optional_argument_that_is_null_counts_as_left_out(tool_session: ToolSession) -> None:
    found = await tool_session.call_ok("list_orphans", {"client_id": None, "limit": None})
    assert found["items"] == []


async def test_services_that_cannot_be_opened_are_an_error_of_the_one_shape() -> None:
    async def fail_to_open() -> Services:
        raise StoreFailedError("The database file is no database.")

    async with Client(build_server(fail_to_open, version="1"), mode=MODERN) as client:
        result = await client.call_tool("list_orphans", {})
    assert result.meta is not None
    assert (
        result.meta["dataset-lifecycle/error"]
        == StoreFailedError("The database file is no database.").as_dict()
    )


async def test_a_bug_is_masked_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail_to_open() -> Services:
        raise RuntimeError("the secret of the house")

    with caplog.at_level(logging.ERROR):
        async with Client(build_server(fail_to_open, version="1"), mode=MODERN) as client:
            result = await client.call_tool("list_orphans", {})
    assert result.is_error
    assert result_text(result) == "Error executing tool list_orphans"
    assert "the secret of the house" in caplog.text


async def test_a_read_only_server_hides_what_changes_things_and_refuses_it(world: World) -> None:
    async with open_tool_session(world, read_only=True) as served:
        await served.process.add_client_and_journey()
        listed = [each.name for each in (await served.client.list_tools()).tools]
        assert listed == ["check_connector_health", "list_orphans"]
        error = await served.call_refused("provision_dataset", ACME)
        assert error == {
            "code": "read_only",
            "message": "This server was started read-only, so provision_dataset is not available.",
            "recovery": "needs_human",
        }
        assert await served.process.load_event_kinds() == []
        assert (await served.call_ok("list_orphans", {}))["items"] == []


async def test_a_person_who_says_no_is_told_of_as_declined(world: World) -> None:
    class No:
        async def ask(self, question: object) -> None:
            raise DeclinedError("Kim said no.")

    async with open_tool_session(world, confirmer=No()) as served:
        await served.process.add_client_and_journey()
        dataset = await served.process.provision()
        await served.process.complete_journey()
        error = await served.call_refused(
            "teardown_dataset", {"dataset_id": dataset.dataset_id, "reason": "manual"}
        )
    assert error == {"code": "declined", "message": "Kim said no.", "recovery": "never"}


def test_a_question_to_the_client_passes_as_it_is() -> None:
    question = InputRequiredResult(request_state="sealed")
    assert TOOL.fn_metadata.convert_result(question) is question


async def test_a_tool_that_is_not_offered_is_refused_like_anything_else(tool_session: ToolSession) -> None:
    elsewhere = await tool_session.call_refused("restore_dataset", {})
    assert (elsewhere["code"], elsewhere["field"], elsewhere["recovery"]) == (
        "invalid_argument",
        "name",
        "needs_human",
    )
    assert "toolset 'recovery'" in elsewhere["message"]
    misspelt = await tool_session.call_refused("teardownDataset", {})
    assert misspelt["candidates"] == ["teardown_dataset"]
    none = await tool_session.call_refused("drop_everything", {})
    assert "candidates" not in none
