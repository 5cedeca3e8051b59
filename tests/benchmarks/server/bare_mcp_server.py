"""The peer: a server of the SDK with one tool and nothing behind it, on stdio, or on the port that is its argument."""

from __future__ import annotations

import sys

from mcp.server import MCPServer
from pydantic import BaseModel


class Page(BaseModel):
    """An empty page."""

    items: list[str]
    count: int


async def list_nothing() -> Page:
    return Page(items=[], count=0)


if __name__ == "__main__":
    server = MCPServer("bare", log_level="WARNING")
    server.add_tool(list_nothing)
    if len(sys.argv) > 1:
        server.run("streamable-http", port=int(sys.argv[1]), stateless_http=True)
    else:
        server.run()
