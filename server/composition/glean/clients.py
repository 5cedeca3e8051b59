"""The clients of Glean, by dialect. They are slow to import, so `glean` imports this module when one is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from server.adapters.clock import SystemClock
from server.adapters.glean.admin.platform import AdminPlatform
from server.adapters.glean.indexing.dataset_types import OBJECT_TYPES
from server.adapters.glean.indexing.platform import IndexingPlatform
from server.adapters.glean.indexing.searchable import SearchableIndexingPlatform
from server.adapters.glean.search.client import ClientSearch

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.adapters.glean.transport.rate_limiter import RateLimiter
    from server.settings.model import GleanSettings


class GleanAddress(NamedTuple):
    """The URL of a Glean, its keys for administration and search, and the URL by which our records know it."""

    url: str
    key: Callable[[], str]
    identity: str
    searches: Callable[[], str] | None


def build_platform(
    glean: GleanSettings, to: GleanAddress, limiter: RateLimiter
) -> AdminPlatform | IndexingPlatform:
    """Build a client in the configured dialect."""
    clock, wait = SystemClock(), glean.timeout_s
    if glean.dialect == "admin":
        return AdminPlatform(
            to.url, to.key, clock=clock, identity_url=to.identity, limiter=limiter, timeout_s=wait
        )
    if to.searches is None:
        return IndexingPlatform(
            to.url, to.key, clock=clock, identity_url=to.identity, limiter=limiter, timeout_s=wait
        )
    act_as = None if glean.embedded else glean.act_as
    search = ClientSearch(
        to.url,
        to.searches,
        clock=clock,
        limiter=limiter,
        object_types=OBJECT_TYPES,
        act_as=act_as,
        timeout_s=wait,
    )
    return SearchableIndexingPlatform(
        to.url,
        to.key,
        search=search,
        clock=clock,
        identity_url=to.identity,
        limiter=limiter,
        timeout_s=wait,
    )
