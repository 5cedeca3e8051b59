"""The state that a client holds while a question is open: what it is worth elsewhere, later, and changed."""

from __future__ import annotations

import secrets
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from mcp.server import request_state
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, CallToolRequest, CallToolResult, ElicitResult, InputRequiredResult
from pydantic import TypeAdapter

from domain.model.enums import DatasetStatus, JourneyState
from domain.model.principal import Principal
from tests.integration.tools.conftest import ACME, ToolSession, open_tool_session
from tests.integration.tools.edge.test_elicitation import (
    NAME,
    create_finished_dataset,
    person_who_types,
    teardown_arguments,
)
from tools.edge.request_state import RequestStateMiddleware

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from domain.model.dataset import Dataset
    from tests.support.world import World

ONE, TWO = secrets.token_hex(32), secrets.token_hex(32)
KEY = "tools.asking:_asked"
_ROUND: TypeAdapter[CallToolResult | InputRequiredResult] = TypeAdapter(CallToolResult | InputRequiredResult)


class RawClient:
    """A client that keeps what it is given, and sends what it likes."""

    def __init__(self, served: ToolSession) -> None:
        self.served = served

    async def ask(self, dataset: Dataset) -> str:
        """Have the question asked, and keep the state."""
        asked = await self.send("teardown_dataset", teardown_arguments(dataset))
        assert isinstance(asked, InputRequiredResult)
        assert asked.input_requests is not None
        assert list(asked.input_requests) == [KEY]
        assert asked.request_state is not None
        return asked.request_state

    async def send(
        self, tool: str, arguments: dict[str, Any], state: object = None, answers: object = None
    ) -> CallToolResult | InputRequiredResult:
        """One round, whatever it may hold."""
        given = {"requestState": state, "inputResponses": answers}
        present = {name: value for name, value in given.items() if value is not None}
        return await self.served.client.session.send_request(
            _RawRequest(method="tools/call", params={"name": tool, "arguments": arguments, **present}),
            _ROUND,
        )

    async def answer(
        self, dataset: Dataset, state: object, name: str = NAME, **changes: Any
    ) -> CallToolResult | InputRequiredResult:
        """Type a name into the question of that state."""
        form = ElicitResult(action="accept", content={"dataset_name": name}).model_dump(exclude_none=True)
        return await self.send("teardown_dataset", teardown_arguments(dataset) | changes, state, {KEY: form})


class _RawRequest(CallToolRequest):
    """A request that is sent as it is."""

    params: Any


def refusal(result: object) -> dict[str, Any]:
    """What the tool refuses with."""
    assert isinstance(result, CallToolResult)
    assert result.is_error
    assert result.meta is not None
    found: dict[str, Any] = result.meta["dataset-lifecycle/error"]
    assert found.pop("audit_id").startswith("au-")
    return found


def assert_archived(result: object) -> None:
    """The dataset is gone."""
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    assert result.structured_content["status"] == "archived"


STALE = {
    "code": "confirmation_required",
    "message": (
        "This answer does not belong to an open question: the question was asked too long ago, of somebody else, in "
        "another call, or by a server that does not share its keys with this one. Nothing was changed."
    ),
    "recovery": "needs_human",
    "suggested_action": "Make the same call again from the start; a person is then asked again.",
    "how": "elicitation",
}


@pytest.fixture
async def tool_session(world: World) -> AsyncIterator[ToolSession]:
    async with open_tool_session(world, person=person_who_types(NAME), state_keys=[ONE]) as found:
        yield found


async def test_an_answer_counts_once(tool_session: ToolSession) -> None:
    made = await create_finished_dataset(tool_session)
    raw = RawClient(tool_session)
    state = await raw.ask(made)
    assert_archived(await raw.answer(made, state))
    await tool_session.process.services.registry.set_state(
        "j1", JourneyState.ACTIVE, Principal(subject="person:kim")
    )
    again = await tool_session.call_ok("provision_dataset", ACME)
    assert again["dataset_id"] != made.dataset_id
    await tool_session.process.complete_journey()
    anew = await raw.answer(await tool_session.process.load_dataset(again["dataset_id"]), state)
    assert refusal(anew) == STALE
    assert (await tool_session.process.load_dataset(again["dataset_id"])).status is DatasetStatus.READY


@pytest.mark.parametrize(
    ("keys", "understood"),
    [([ONE], True), ([TWO, ONE], True), ([TWO], False), ([], False)],
    ids=["the same key", "a new key first", "another key", "a key of its own"],
)
async def test_another_server_understands_an_answer_when_it_shares_a_key(
    world: World, tool_session: ToolSession, keys: list[str], *, understood: bool
) -> None:
    made = await create_finished_dataset(tool_session)
    state = await RawClient(tool_session).ask(made)
    async with open_tool_session(world, person=person_who_types(NAME), state_keys=keys) as other:
        result = await RawClient(other).answer(made, state)
        if understood:
            assert_archived(result)
        else:
            assert refusal(result) == STALE
            assert await tool_session.process.load_dataset(made.dataset_id) == made


@pytest.mark.parametrize(
    "other",
    [
        Principal(subject="person:lee"),
        Principal(subject="kim", actors=("journey-agent",)),
        Principal(subject="kim", journey_id="j1"),
    ],
    ids=["somebody else", "their agent", "another token"],
)
async def test_an_answer_is_that_of_whom_was_asked(world: World, other: Principal) -> None:
    kim = Principal(subject="kim")
    async with open_tool_session(
        world, person=person_who_types(NAME), state_keys=[ONE], principal=kim
    ) as served:
        made = await create_finished_dataset(served)
        state = await RawClient(served).ask(made)
        async with open_tool_session(
            world, person=person_who_types(NAME), state_keys=[ONE], principal=other
        ) as stranger:
            assert refusal(await RawClient(stranger).answer(made, state)) == STALE
        assert await served.process.load_dataset(made.dataset_id) == made
        assert_archived(await RawClient(served).answer(made, state))


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state[:-4] + ("AAAA" if state[-4:] != "AAAA" else "BBBB"),
        lambda state: state[:40],
        lambda state: f"v2.{state[3:]}",
        lambda _: "",
        lambda _: "x" * 100_000,
        lambda _: 5,
        lambda _: {"outcomes": {KEY: {"action": "accept", "data": {"dataset_name": NAME}}}},
    ],
    ids=["changed", "cut", "another version", "empty", "long", "a number", "an object"],
)
async def test_a_state_that_was_tampered_with_is_refused(
    tool_session: ToolSession, change: Callable[[str], object]
) -> None:
    made = await create_finished_dataset(tool_session)
    raw = RawClient(tool_session)
    state = await raw.ask(made)
    assert refusal(await raw.answer(made, change(state))) == STALE
    assert await tool_session.process.load_dataset(made.dataset_id) == made


async def test_a_state_serves_no_other_call(tool_session: ToolSession) -> None:
    made = await create_finished_dataset(tool_session)
    raw = RawClient(tool_session)
    state = await raw.ask(made)
    assert refusal(await raw.answer(made, state, wait_s=1)) == STALE
    assert refusal(await raw.answer(made, state, reason="orphaned")) == STALE
    assert refusal(await raw.send("list_orphans", {}, state)) == STALE
    assert await tool_session.process.load_dataset(made.dataset_id) == made


async def test_an_answer_comes_within_ten_minutes(
    tool_session: ToolSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await create_finished_dataset(tool_session)
    raw = RawClient(tool_session)
    state = await raw.ask(made)
    monkeypatch.setattr(request_state, "time", SimpleNamespace(time=lambda: time.time() + 599))
    asked = await raw.send("teardown_dataset", teardown_arguments(made), state)
    assert isinstance(asked, InputRequiredResult)
    monkeypatch.setattr(request_state, "time", SimpleNamespace(time=lambda: time.time() + 601))
    assert refusal(await raw.answer(made, state)) == STALE
    assert await tool_session.process.load_dataset(made.dataset_id) == made


async def test_an_answer_after_the_generation_moved_has_the_question_asked_anew(
    world: World, tool_session: ToolSession
) -> None:
    made = await create_finished_dataset(tool_session)
    raw = RawClient(tool_session)
    state = await raw.ask(made)
    past = world.clock.now() - timedelta(days=1)
    await tool_session.process.deps.store.transact(
        lambda uow: uow.datasets.put(made.evolve(protected_until=past))
    )
    anew = await raw.answer(made, state)
    assert isinstance(anew, InputRequiredResult)
    assert anew.request_state != state
    assert (await tool_session.process.load_dataset(made.dataset_id)).status == made.status


async def test_an_answer_without_a_question_has_it_asked(tool_session: ToolSession) -> None:
    made = await create_finished_dataset(tool_session)
    asked = await RawClient(tool_session).answer(made, None)
    assert isinstance(asked, InputRequiredResult)
    assert await tool_session.process.load_dataset(made.dataset_id) == made


@pytest.mark.parametrize(
    "answers",
    [
        {KEY: {"action": "accept", "content": {"dataset_name": {"is": NAME}}}},
        {KEY: {"action": "yes", "content": {"dataset_name": NAME}}},
        {KEY: {"action": "accept", "content": NAME}},
        {KEY: NAME},
        {KEY: {"role": "assistant", "content": {"type": "text", "text": NAME}, "model": "m"}},
        [NAME],
        NAME,
    ],
    ids=["an object", "another action", "a text", "no answer", "a sample", "a list", "bare"],
)
async def test_an_answer_without_its_form_is_no(tool_session: ToolSession, answers: object) -> None:
    made = await create_finished_dataset(tool_session)
    raw = RawClient(tool_session)
    state = await raw.ask(made)
    error = refusal(await raw.send("teardown_dataset", teardown_arguments(made), state, answers))
    assert (error["code"], error["recovery"]) == ("declined", "never")
    assert await tool_session.process.load_dataset(made.dataset_id) == made


async def test_an_error_of_the_protocol_stays_one() -> None:
    async def fail_by_protocol(_: object) -> None:
        raise MCPError(INTERNAL_ERROR, "Internal error")

    request = SimpleNamespace(method="tools/call", params={})
    with pytest.raises(MCPError, match="Internal error"):
        await RequestStateMiddleware()(cast("Any", request), cast("Any", fail_by_protocol))


async def test_what_is_no_round_is_left_to_the_sdk(tool_session: ToolSession) -> None:
    with pytest.raises(MCPError, match="Invalid request parameters"):
        await RawClient(tool_session).send(5, {})  # type: ignore[arg-type]
    assert (await tool_session.client.list_tools()).tools
