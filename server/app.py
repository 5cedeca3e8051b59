"""The MCP server: which tools it has, what they are given, and the words that it greets with."""

from __future__ import annotations

import getpass
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from mcp.server import MCPServer

from domain.callers import Caller
from prompts.words import words
from tools.catalogue import chosen
from tools.spec import Edge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from mcp.server.context import ServerMiddleware
    from mcp_types import Tool

    from server.identity.gate import Gate
    from server.settings.identity import LocalSettings
    from tools.services import Services

NAME: Final = "dataset-lifecycle"


class LifecycleServer(MCPServer[Edge]):
    """The SDK's server, which lists only what a read-only one may do when it is told to be one."""

    read_only = False

    async def list_tools(self) -> list[Tool]:
        listed = await super().list_tools()
        return [each for each in listed if not self.read_only or _reads(each)]


def _reads(tool: Tool) -> bool:
    return bool(tool.annotations and tool.annotations.read_only_hint)


def agent(local: LocalSettings | None = None) -> Caller:
    """Who calls when nobody presents an identity: an agent on this account, on stdio and on the loopback interface.

    What it may do stands in the configuration; without that, everything.
    """
    caller = Caller(subject=f"agent:{getpass.getuser()}")
    return caller if local is None else local.granted(caller)


def build(
    services: Callable[[], Awaitable[Services]],
    *,
    version: str,
    toolsets: Sequence[str] = (),
    read_only: bool = False,
    caller: Caller | None = None,
    gate: Gate | None = None,
    middleware: Sequence[ServerMiddleware[Any]] = (),
) -> LifecycleServer:
    """The server over services that are asked for when a tool is first called.

    With a gate, each call's caller is whoever presented its token; else `caller`, or an agent on this account.
    Raises InvalidArgumentError for a toolset that does not exist.
    """
    edge = Edge(services=services, identify=_identified(gate, caller or agent()), read_only=read_only)

    @asynccontextmanager
    async def lifespan(_: MCPServer[Edge]) -> AsyncIterator[Edge]:
        yield edge

    server = LifecycleServer(
        NAME,
        title="Dataset lifecycle",
        version=version,
        instructions=words("instructions"),
        lifespan=lifespan,
        tools=list(chosen(toolsets)),
        subscriptions=False,
        auth=gate.auth if gate else None,
        token_verifier=gate.verifier if gate else None,
        middleware=middleware,
    )
    server.read_only = read_only
    return server


def _identified(gate: Gate | None, caller: Caller) -> Callable[[], Caller]:
    if gate is None:
        return lambda: caller
    from server.identity.verifier import bearer  # noqa: PLC0415 - a server without identity does not need it

    return bearer
