"""The Indexing dialect with search, as tests make it: one token opens both APIs of a sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.adapters.clock import SystemClock
from server.adapters.glean.indexing.dataset_types import OBJECT_TYPES
from server.adapters.glean.indexing.searchable import SearchableIndexingPlatform
from server.adapters.glean.search.client import ClientSearch
from tests.support.glean.datasources import without_pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.adapters.glean.transport.client import Secret
    from tests.support.sandbox.embedded import EmbeddedSandbox


class SearchingIndexingPlatform(SearchableIndexingPlatform):
    """Made like the other dialects; whoever wants another token or person for searching names it."""

    def __init__(
        self,
        base_url: str,
        token: Secret | Callable[[], str],
        *,
        client_token: Secret | Callable[[], str] | None = None,
        act_as: str | None = None,
        **options: Any,
    ) -> None:
        given = {name: value for name, value in options.items() if name in {"clock", "timeout_s", "waits"}}
        search = ClientSearch(
            base_url,
            client_token or token,
            limiter=options["limiter"],
            object_types=OBJECT_TYPES,
            act_as=act_as,
            **given,
        )
        super().__init__(base_url, token, search=search, **options)


def searchable_platform(glean: EmbeddedSandbox, **given: Any) -> SearchingIndexingPlatform:
    """A client of that sandbox that hardly waits, neither between requests nor between tries."""
    usual = {
        "token": lambda: glean.token,
        "clock": SystemClock(),
        "limiter": without_pace(),
        "waits": 0.001,
    }
    return SearchingIndexingPlatform(glean.base_url, **{**usual, **given})
