"""Run many searches, a few at a time, within a time limit."""

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
    """Run every query; the results, in the order of the queries.

    Raises:
        PlatformTimeoutError: not all queries were answered within `seconds`.
        PlatformError: the error of the first search that failed.
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
