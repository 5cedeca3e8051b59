"""The tools over the real use cases, through the SDK's own client in memory."""

from __future__ import annotations

import dataclasses
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from mcp.client.client import Client

from server.mcp_server.server import build_server
from tests.support.refusals import read_refusal, read_texts
from tests.support.world import Process, World, open_world
from tools.edge.question_pace import QuestionPace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from mcp.client.session import ElicitationFnT
    from mcp_types import CallToolResult

    from domain.model.approval import Confirmer
    from domain.model.principal import Principal
    from domain.ports import ProductionExport
    from tools.services import Services

MODERN = "2026-07-28"
ACME = {
    "client_id": "acme",
    "journey_id": "j1",
    "stage": "sandbox",
    "dataset_type": "confluence_pages",
}


@dataclass
class ToolSession:
    """A client of the tools, and the process that serves them."""

    client: Client
    process: Process

    async def call_ok(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the tool answers, which its text must repeat."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        assert json.loads(result_text(result)) == result.structured_content
        answered: dict[str, Any] = result.structured_content
        return answered

    async def call_refused(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the tool refuses with, which its text must repeat; it is on record under its audit id."""
        result = await self.client.call_tool(tool, arguments)
        error = read_refusal(result)
        assert await self.process.is_audited(error.pop("audit_id"))
        return error


def result_text(result: CallToolResult) -> str:
    """All text of a result, as a model reads it."""
    return "\n".join(read_texts(result))


@asynccontextmanager
async def open_tool_session(
    place: World,
    *,
    confirmer: Confirmer | None = None,
    read_only: bool = False,
    principal: Principal | None = None,
    toolsets: Sequence[str] = (),
    mode: str = MODERN,
    person: ElicitationFnT | None = None,
    state_keys: Sequence[str] = (),
    pace: QuestionPace = QuestionPace(),  # noqa: B008 - frozen
    command_options: str = "",
    export: ProductionExport | None = None,
) -> AsyncIterator[ToolSession]:
    """A client, connected in memory to a server on that folder; with a `person` it shows them questions."""
    async with place.open_process(
        confirmer=confirmer, replace=lambda deps: dataclasses.replace(deps, export=export)
    ) as process:

        async def services() -> Services:
            return process.services

        server = build_server(
            services,
            version="1",
            read_only=read_only,
            principal=principal,
            toolsets=toolsets,
            state_keys=state_keys,
            pace=pace,
            command_options=command_options,
        )
        async with Client(server, mode=mode, elicitation_callback=person) as client:
            yield ToolSession(client=client, process=process)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A folder with a repository and a sandbox."""
    async with open_world(tmp_path) as found:
        yield found


@pytest.fixture
async def tool_session(world: World) -> AsyncIterator[ToolSession]:
    """The tools, with the client ACME there and its journey j1 active at sandbox."""
    async with open_tool_session(world) as found:
        await found.process.add_client_and_journey()
        yield found
