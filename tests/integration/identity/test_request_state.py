"""A question that is open to the bearer of one token, and an answer to it by the bearer of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, ElicitResult, InputRequiredResult

from tests.integration.identity.conftest import ERA
from tests.support.servers.plain_http import NO_AUTHORITIES

if TYPE_CHECKING:
    from mcp.client.context import ClientRequestContext
    from mcp_types import ElicitRequestParams

    from tests.integration.identity.conftest import GuardedServer
    from tests.support.servers.token_issuer import TokenIssuer


async def shows(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    """Can show a question; nobody looks at it."""
    return ElicitResult(action="cancel")


async def one_round(
    server: GuardedServer,
    token: str,
    arguments: dict[str, Any],
    state: str | None = None,
    name: str | None = None,
) -> CallToolResult | InputRequiredResult:
    """One round of a teardown, in a session of its own."""
    answers: Any = name and {
        "tools.asking:_asked": ElicitResult(action="accept", content={"dataset_name": name})
    }
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(verify=NO_AUTHORITIES, trust_env=False, headers=headers) as http,
        Client(
            streamable_http_client(f"{server.address}/mcp", http_client=http),
            mode=ERA,
            elicitation_callback=shows,
        ) as client,
    ):
        return await client.session.call_tool(
            "teardown_dataset",
            arguments,
            request_state=state,
            input_responses=answers,
            allow_input_required=True,
        )


@pytest.mark.parametrize(
    "other",
    [
        {"sub": "lee"},
        {"act": {"sub": "journey-agent"}},
        {"client_id": "another program"},
        {"journey_id": "j1"},
    ],
    ids=["somebody else", "their agent", "another program of theirs", "a narrower token"],
)
async def test_the_answer_of_another_bearer_is_refused(
    guarded_server: GuardedServer, issuer: TokenIssuer, other: dict[str, Any]
) -> None:
    await guarded_server.process.add_client_and_journey()
    dataset_id = (await guarded_server.process.provision()).dataset_id
    await guarded_server.process.complete_journey()
    made = await guarded_server.process.load_dataset(dataset_id)
    wanted = {"dataset_id": made.dataset_id, "reason": "manual"}
    asked = await one_round(guarded_server, issuer.token(), wanted)
    assert isinstance(asked, InputRequiredResult)
    refused = await one_round(guarded_server, issuer.token(**other), wanted, asked.request_state, made.name)
    assert isinstance(refused, CallToolResult)
    assert refused.meta is not None
    error = refused.meta["dataset-lifecycle/error"]
    assert (error["code"], error["how"]) == ("confirmation_required", "elicitation")
    assert await guarded_server.process.load_dataset(made.dataset_id) == made

    gone = await one_round(guarded_server, issuer.token("two"), wanted, asked.request_state, made.name)
    assert isinstance(gone, CallToolResult)
    assert not gone.is_error
    assert (await guarded_server.process.load_dataset(made.dataset_id)).live is False
