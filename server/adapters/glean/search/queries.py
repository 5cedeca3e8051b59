"""Many searches, a few at a time, in a time that is known before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from domain.errors import PlatformTimeoutError
from server.adapters.glean.transport.paging import run_concurrently

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from domain.ports import SearchHit

_AT_ONCE: Final = 4


async def run_searches(
    search: Callable[[str], Awaitable[Sequence[SearchHit]]], queries: Sequence[str], seconds: float
) -> list[Sequence[SearchHit]]:
    """The results of every query, in order.

    Raises:
        PlatformLateError: not all of them were answered within so many seconds.
        PlatformError: what the first search that failed raised.
    """
    found: dict[int, Sequence[SearchHit]] = {}

    async def numbered_queries() -> AsyncIterator[tuple[int, str]]:
        for each in enumerate(queries):
            yield each

    async def search_one(item: tuple[int, str]) -> None:
        found[item[0]] = await search(item[1])

    try:
        with anyio.fail_after(seconds):
            await run_concurrently(numbered_queries(), search_one, at_once=_AT_ONCE)
    except TimeoutError:
        raise PlatformTimeoutError(
            f"Glean answered {len(found)} of {len(queries)} searches within {seconds:g} seconds."
        ) from None
    return [found[number] for number in range(len(queries))]
