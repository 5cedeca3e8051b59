"""The MCP server: which tools it has, what they are given, and the words that it greets with."""

from __future__ import annotations

import getpass
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from mcp.server import MCPServer

from domain.model import Caller
from prompts.words import words
from tools.catalogue import chosen
from tools.spec import Edge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from mcp.server.context import ServerMiddleware
    from mcp_types import Tool

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


def agent() -> Caller:
    """Who calls when nobody presents an identity: an agent on this account, on stdio and on the loopback interface."""
    return Caller(subject=f"agent:{getpass.getuser()}")


def build(
    services: Callable[[], Awaitable[Services]],
    *,
    version: str,
    toolsets: Sequence[str] = (),
    read_only: bool = False,
    caller: Caller | None = None,
    middleware: Sequence[ServerMiddleware[Any]] = (),
) -> LifecycleServer:
    """The server over services that are asked for when a tool is first called.

    Raises InvalidArgumentError for a toolset that does not exist.
    """
    edge = Edge(services=services, caller=caller or agent(), read_only=read_only)

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
        middleware=middleware,
    )
    server.read_only = read_only
    return server
