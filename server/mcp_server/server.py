"""The MCP server: its tools, what they work with, its instructions, and the seal of its request states."""

from __future__ import annotations

import getpass
import json
import os
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.request_state import (
    AESGCMRequestStateCodec,
    RequestStateSecurity,
    authenticated_principal,
)
from mcp_types import INVALID_PARAMS

from domain.errors import ForbiddenError
from domain.model import Principal
from domain.policy import SCOPE_ADMIN
from prompts.words import load_prompt
from tools.commands import CommandsMiddleware
from tools.edge.arguments import JsonArgumentsMiddleware
from tools.edge.printable import PrintableMiddleware
from tools.edge.question_pace import QuestionPace
from tools.edge.request_state import REQUEST_STATE_TTL_S, RequestStateMiddleware
from tools.edge.tool import Edge
from tools.toolsets import select_tools
from tools.unknown_tools import refuse_unknown_tool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
    from mcp.server.mcpserver import Context
    from mcp_types import CallToolResult, GetPromptResult, InputRequiredResult, Tool

    from server.settings.identity import LocalSettings
    from server.web.auth.gate import Gate
    from tools.services import Services

SERVER_NAME: Final = "dataset-lifecycle"
_GREETINGS: Final = frozenset({"initialize", "server/discover"})
"""The requests by which clients of either era learn what a server has."""


class LifecycleServer(MCPServer[Edge]):
    """The SDK's server, which lists only the reading tools when it is read-only."""

    edge: Edge
    toolsets: Sequence[str] = ()

    @property
    def read_only(self) -> bool:
        """Whether it was started read-only."""
        return self.edge.read_only

    async def list_tools(self) -> list[Tool]:
        listed = await super().list_tools()
        return [each for each in listed if not self.read_only or _is_read_only_tool(each)]

    async def advertise_what_there_is(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Middleware that leaves out of a greeting what the server has none of: hosts make tools of an empty list."""
        result = await call_next(ctx)
        if ctx.method not in _GREETINGS or not isinstance(result, dict):
            return result
        there_are = {
            "resources": bool(await self.list_resources() or await self.list_resource_templates()),
            "prompts": bool(await self.list_prompts()),
        }
        advertised = {
            name: each for name, each in result["capabilities"].items() if there_are.get(name, True)
        }
        return {**result, "capabilities": advertised}

    # The signature is the SDK's.
    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[Edge, Any] | None = None,
    ) -> GetPromptResult | InputRequiredResult:
        """Get a prompt; an unknown one is the caller's mistake, which the SDK tells as an error of the server."""
        if all(each.name != name for each in await self.list_prompts()):
            raise MCPError(code=INVALID_PARAMS, message="There is no prompt of that name.")
        return await super().get_prompt(name, arguments, context)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Edge, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        known = select_tools(self.toolsets)
        if context is None or name in {each.name for each in known}:
            return await super().call_tool(name, arguments, context)
        offered = [each for each in known if not (self.read_only and each.mutating)]
        return await refuse_unknown_tool(name, offered, context)


def _is_read_only_tool(tool: Tool) -> bool:
    return bool(tool.annotations and tool.annotations.read_only_hint)


def local_agent_principal(local: LocalSettings | None = None) -> Principal:
    """The principal of calls without an identity, on stdio and the loopback interface: an agent on this account.

    Its scopes and clients are those of `local`; without it, all.
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
    platform: str = "",
    pace: QuestionPace = QuestionPace(),  # noqa: B008 - frozen
    command_options: str = "",
) -> LifecycleServer:
    """Build the server over services that are opened when a tool is first called.

    Args:
        services: gives the services.
        version: the version that the server reports.
        toolsets: the toolsets beside the default one.
        read_only: whether tools that change something are left out and refused.
        principal: who calls without a gate; by default an agent on this account.
        gate: checks bearer tokens; each call is then made by the token's principal.
        middleware: middleware around every request.
        via: how calls arrive, for the audit log.
        state_keys: seal what a client holds between a question and its answer. The first one seals, any one opens;
            without them only this server object can open what it sealed.
        platform: which Glean it works on, in sentences for models; nothing is said without it.
        pace: how long questions may take.
        command_options: the options that complete commands in what is shown to callers on this machine, and to bearers
            with the scope `admin`; other bearers do not learn the folders of this machine.

    Raises InvalidArgumentError for an unknown toolset.
    """
    identify = _build_principal_resolver(gate, principal or local_agent_principal())
    shown_options = partial(_command_options_for_caller, command_options, identify if gate else None)
    edge = Edge(
        services=services,
        identify=identify,
        via=via,
        read_only=read_only,
        pace=pace,
        command_options=shown_options,
    )
    codec = AESGCMRequestStateCodec(list(state_keys) or [os.urandom(32)])

    @asynccontextmanager
    async def lifespan(_: MCPServer[Edge]) -> AsyncIterator[Edge]:
        yield edge

    server = LifecycleServer(
        SERVER_NAME,
        title="Dataset lifecycle",
        version=version,
        instructions="\n\n".join(filter(None, (load_prompt("instructions"), platform))),
        lifespan=lifespan,
        tools=list(select_tools(toolsets)),
        subscriptions=False,
        auth=gate.auth if gate else None,
        token_verifier=gate.verifier if gate else None,
        middleware=middleware,
        request_state_security=RequestStateSecurity(
            codec=codec,
            ttl=REQUEST_STATE_TTL_S,
            bind_principal=_request_state_principal(edge),
        ),
    )
    # Outermost, so that it sees the error with which the SDK rejects a state.
    server.middleware[:0] = [
        server.advertise_what_there_is,
        JsonArgumentsMiddleware(),
        CommandsMiddleware(shown_options),
        PrintableMiddleware(),
        RequestStateMiddleware(codec),
    ]
    server.edge = edge
    server.toolsets = tuple(toolsets)
    return server


def _command_options_for_caller(options: str, identify: Callable[[], Principal] | None) -> str:
    """The options to show; `identify` is None where every caller is on this machine."""
    try:
        return options if identify is None or identify().has_scope(SCOPE_ADMIN) else ""
    except ForbiddenError:
        return ""


def _request_state_principal(edge: Edge) -> Callable[[ServerRequestContext[Any, Any]], str]:
    """Bind a question to its principal, so that an answer of another caller or through another program is rejected."""

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
