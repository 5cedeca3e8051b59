"""The MCP server: which tools it has, what they are given, and the words that it greets with."""

from __future__ import annotations

import getpass
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from mcp.server import MCPServer
from mcp.server.request_state import RequestStateSecurity, authenticated_principal

from domain.model import Principal
from prompts.words import load_prompt
from tools.edge.request_state import REQUEST_STATE_TTL_S, RequestStateMiddleware
from tools.edge.tool import Edge
from tools.toolsets import select_tools

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from mcp.server.context import ServerMiddleware, ServerRequestContext
    from mcp_types import Tool

    from server.settings.identity import LocalSettings
    from server.web.auth.gate import Gate
    from tools.services import Services

SERVER_NAME: Final = "dataset-lifecycle"


class LifecycleServer(MCPServer[Edge]):
    """The SDK's server, which lists only what a read-only one may do when it is told to be one."""

    edge: Edge

    @property
    def read_only(self) -> bool:
        """Whether it was started so."""
        return self.edge.read_only

    async def list_tools(self) -> list[Tool]:
        listed = await super().list_tools()
        return [each for each in listed if not self.read_only or _is_read_only_tool(each)]


def _is_read_only_tool(tool: Tool) -> bool:
    return bool(tool.annotations and tool.annotations.read_only_hint)


def local_agent_principal(local: LocalSettings | None = None) -> Principal:
    """Who calls when nobody presents an identity: an agent on this account, on stdio and on the loopback interface.

    What it may do stands in the configuration; without that, everything.
    """
    principal = Principal(subject=f"agent:{getpass.getuser()}")
    return principal if local is None else local.restrict_principal(principal)


# Its arguments are everything that a process decides about its server.
def build_server(  # noqa: PLR0913
    services: Callable[[], Awaitable[Services]],
    *,
    version: str,
    toolsets: Sequence[str] = (),
    read_only: bool = False,
    principal: Principal | None = None,
    gate: Gate | None = None,
    middleware: Sequence[ServerMiddleware[Any]] = (),
    via: str = "memory",
    state_keys: Sequence[str] = (),
) -> LifecycleServer:
    """The server over services that are asked for when a tool is first called.

    With a gate, each call's caller is whoever presented its token; else `caller`, or an agent on this account. What a
    client holds between a question and its answer is sealed with the first of `state_keys` and opened with any; without
    them only this very server understands it. `via` tells in the audit log how calls come.
    Raises InvalidArgumentError for a toolset that does not exist.
    """
    identify = _build_principal_resolver(gate, principal or local_agent_principal())
    edge = Edge(services=services, identify=identify, via=via, read_only=read_only)

    @asynccontextmanager
    async def lifespan(_: MCPServer[Edge]) -> AsyncIterator[Edge]:
        yield edge

    server = LifecycleServer(
        SERVER_NAME,
        title="Dataset lifecycle",
        version=version,
        instructions=load_prompt("instructions"),
        lifespan=lifespan,
        tools=list(select_tools(toolsets)),
        subscriptions=False,
        auth=gate.auth if gate else None,
        token_verifier=gate.verifier if gate else None,
        middleware=middleware,
        request_state_security=RequestStateSecurity(
            keys=list(state_keys) or [os.urandom(32)],
            ttl=REQUEST_STATE_TTL_S,
            bind_principal=_request_state_principal(edge),
        ),
    )
    server.middleware.insert(0, RequestStateMiddleware())
    server.edge = edge
    return server


def _request_state_principal(edge: Edge) -> Callable[[ServerRequestContext[Any, Any]], str]:
    """Whose question it is: the answer of another caller, or by way of another program, is none."""

    def principal(ctx: ServerRequestContext[Any, Any]) -> str:
        principal = edge.principal
        return json.dumps(
            [authenticated_principal(ctx), principal.subject, principal.act, principal.journey_id]
        )

    return principal


def _build_principal_resolver(gate: Gate | None, principal: Principal) -> Callable[[], Principal]:
    if gate is None:
        return lambda: principal
    # A server without identity does not need it.
    from server.web.auth.token_verifier import require_bearer_principal  # noqa: PLC0415

    return require_bearer_principal
