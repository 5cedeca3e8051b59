"""Death at a request to Glean that changes something: before it is sent, when half of it is, and once it was taken."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import httpx

from server.adapters.glean.indexing import wire
from server.adapters.glean.transport.client import GleanHttpClient
from tests.support.glean.datasources import PAGE
from tests.support.resilience.kills.processes.crash_points import kill_self

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.resilience.kills.processes.crash_points import CrashTrigger

UNSENT, HALF, TAKEN = "unsent", "half", "taken"
MOMENTS: Final = (UNSENT, HALF, TAKEN)
_CHANGES: Final = frozenset({"adddatasource", "bulkindexdocuments", "bulkindexusers", "indexuser"})


class _HalfBody(httpx.AsyncByteStream):
    """The first half of a body, and then nobody."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body[: len(self._body) // 2]
        kill_self()


def install_request_crash(death: CrashTrigger, folder: Path, wanted: int, moment: str) -> None:
    """Have this process count its changes of Glean, once death is expected, and die at the `wanted`-th.

    Pages of documents are small from now on. What is counted is written down beside the diary.
    """
    number = 0
    exchange: Any = GleanHttpClient._exchange  # noqa: SLF001 - there is no nearer place to a request

    async def exchange_or_die(http: GleanHttpClient, request: httpx.Request) -> object:
        nonlocal number
        operation = request.url.path.rpartition("/")[2]
        if not death.expected or operation not in _CHANGES:
            return await exchange(http, request)
        number += 1
        last = number == wanted
        with (folder / "requests").open("a") as requests:
            requests.write(f"{os.getpid()} {number} {operation}\n")
        if last and moment == UNSENT:
            kill_self()
        if last and moment == HALF:
            request.stream = _HalfBody(await request.aread())
        answer = await exchange(http, request)
        if last:
            kill_self()
        return answer

    GleanHttpClient._exchange = exchange_or_die  # type: ignore[assignment,method-assign] # noqa: SLF001 - the same
    wire.PAGE_COUNT = PAGE  # type: ignore[misc]
