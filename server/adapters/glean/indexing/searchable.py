"""The Indexing dialect with search, for an installation that has a token for Glean's Client API."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self

from domain.errors import PlatformDeniedError, PlatformInvalidError
from domain.lifecycle import probe_query
from server.adapters.glean.indexing.names import datasource_of
from server.adapters.glean.indexing.platform import IndexingPlatform
from server.adapters.glean.search.queries import run_searches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from domain.ports import Clock, SearchHit
    from server.adapters.glean.search.client import ClientSearch
    from server.adapters.glean.transport.client import Secret
    from server.adapters.glean.transport.rate_limiter import RateLimiter


class SearchableIndexingPlatform(IndexingPlatform):
    """`IndexingPlatform` with search. Open it before use, on one event loop."""

    capabilities = replace(IndexingPlatform.capabilities, search=True)

    def __init__(
        self,
        base_url: str,
        token: Secret | Callable[[], str],
        *,
        search: ClientSearch,
        clock: Clock,
        identity_url: str | None = None,
        limiter: RateLimiter | None = None,
        timeout_s: float = 30.0,
        waits: float = 1.0,
    ) -> None:
        """Prepare the client like `IndexingPlatform`; `search`, of the same Glean, is opened and closed with it."""
        super().__init__(
            base_url,
            token,
            clock=clock,
            identity_url=identity_url,
            limiter=limiter,
            timeout_s=timeout_s,
            waits=waits,
        )
        self._search = search

    async def __aenter__(self) -> Self:
        await self._search.__aenter__()
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        await self._search.__aexit__(kind, error, trace)

    async def is_still_served(self, handle: str, name: str, lines: Sequence[bytes]) -> bool:
        """Whether any of those documents is still served, by its status and access, or by a search.

        A client token is optional, so a search that Glean refuses must not prevent a teardown: then status and access
        decide alone.
        """
        if await super().is_still_served(handle, name, lines):
            return True
        with suppress(PlatformDeniedError, PlatformInvalidError):
            for line in lines:
                if await self.search(probe_query(line), name=name, limit=1):
                    return True
        return False

    async def search(self, query: str, *, name: str | None = None, limit: int = 10) -> Sequence[SearchHit]:
        """The results for the person of the token. Their datasource is `name`, or without it Glean's handle."""
        datasource = None if name is None else datasource_of(name)
        hits = await self._search.search(query, datasource=datasource, limit=limit)
        return [each if name is None else replace(each, datasource=name) for each in hits]

    async def search_each(
        self, queries: Sequence[str], *, name: str, limit: int, seconds: float
    ) -> Sequence[Sequence[SearchHit]]:
        return await run_searches(partial(self.search, name=name, limit=limit), queries, seconds)
