"""Search through Glean's Client API (https://developers.glean.com/api/client-api/search/search).

It needs another token than the Indexing API: one with the scope SEARCH, which searches as the person for whom it was
made, or, with the permission GLOBAL, as the one named in `X-Glean-ActAs`. What that person may not see is not found.
"""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Final, Self

import msgspec
from msgspec import Struct

from domain.errors import PlatformInvalidError
from domain.ports import SearchHit
from server.adapters.glean.transport.client import GleanHttpClient, Secret
from server.adapters.glean.transport.remedies import Remedy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from domain.ports import Clock
    from server.adapters.glean.transport.rate_limiter import RateLimiter

ACT_AS: Final = "X-Glean-ActAs"
SENT_FIELDS: Final = frozenset(
    {"query", "pageSize", "requestOptions", "datasourcesFilter", "facetBucketSize", "responseHints"}
)
"""Every field name that we send. An error message repeats no other name."""
_MOST_HITS: Final = 100
_LONGEST_QUERY: Final = 1000
_CUSTOM: Final = "custom_"
_DENIED: Final = Remedy(
    "because the client token may not search",
    "Have a Client API token with the scope SEARCH made in Glean (Admin console, Platform, API tokens, Client tokens) "
    "and set glean.client_token to it: one of a person, without glean.act_as, or a global one, with it.",
)


# Glean answers 400 in plain text, "Required header missing: X-Glean-ActAs" (tried), to a global token without it.
_REFUSED: Final = (
    "Set glean.act_as (GLEAN_ACT_AS) to the e-mail address of the person as whom a global client token searches, or "
    "set glean.client_token to the token of a person."
)
_REFUSED_AS: Final = (
    "Check that glean.act_as (GLEAN_ACT_AS) is the e-mail address of a person whom this Glean knows, and that "
    "glean.client_token is a global token."
)


class Metadata(Struct, rename="camel"):
    """The metadata of a found document."""

    datasource: str | None = None
    document_id: str | None = None


class Document(Struct, rename="camel"):
    """A found document. Its id is Glean's own, built from the datasource's name and the id that was pushed."""

    id: str | None = None
    datasource: str | None = None
    title: str | None = None
    url: str | None = None
    metadata: Metadata | None = None


class SearchResult(Struct, rename="camel"):
    """One result of a search."""

    url: str | None = None
    title: str | None = None
    document: Document | None = None


class SearchResults(Struct, rename="camel"):
    """The results of a search, best first."""

    results: list[SearchResult] | None = None


class ClientSearch(AbstractAsyncContextManager["ClientSearch"]):
    """Search client of one Glean. Open it before use; once open, it raises only PlatformError and its subclasses."""

    def __init__(
        self,
        base_url: str,
        token: Secret | Callable[[], str],
        *,
        clock: Clock,
        limiter: RateLimiter,
        object_types: Iterable[str],
        act_as: str | None = None,
        timeout_s: float = 30.0,
        waits: float = 1.0,
    ) -> None:
        """Prepare the client; nothing is sent yet.

        `object_types` are the object types of pushed documents. `act_as` is the person as whom a global token searches.
        """
        self._object_types = tuple(object_types)
        self._act_as = act_as
        self._http = GleanHttpClient(
            f"{base_url.rstrip('/')}/rest/api/v1",
            token,
            clock=clock,
            limiter=limiter,
            sent=SENT_FIELDS,
            timeout_s=timeout_s,
            waits=waits,
            headers={ACT_AS: act_as} if act_as else {},
            denial=lambda _status, _body: _DENIED,
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def search(self, query: str, *, datasource: str | None, limit: int) -> Sequence[SearchHit]:
        """The best results in one datasource, or in everything that the person of the token may see."""
        wanted = max(1, min(limit, _MOST_HITS))
        options = {"facetBucketSize": 1, "responseHints": ["RESULTS"]}
        body = {
            "query": query[:_LONGEST_QUERY],
            "pageSize": wanted,
            "requestOptions": options | ({} if datasource is None else {"datasourcesFilter": [datasource]}),
        }
        try:
            response = await self._http.call(
                "search", "POST", "/search", SearchResults, body=msgspec.json.encode(body)
            )
        except PlatformInvalidError as refusal:
            refusal.suggested_action = _REFUSED if self._act_as is None else _REFUSED_AS
            raise
        hits = [
            _hit(each, each.document, self._object_types)
            for each in response.results or ()
            if each.document is not None
        ]
        # The filter is Glean's word; a hit of another datasource must not count as one of ours.
        ours = [each for each in hits if datasource is None or each.datasource in {"", datasource.casefold()}]
        return ours[:wanted]  # Glean treats the page size as a hint, and may send more


def _hit(result: SearchResult, document: Document, object_types: Iterable[str]) -> SearchHit:
    metadata = document.metadata or Metadata()
    datasource = (document.datasource or metadata.datasource or "").casefold().removeprefix(_CUSTOM)
    return SearchHit(
        datasource=datasource,
        document_id=pushed_id(document.id or metadata.document_id or "", datasource, object_types),
        title=document.title or result.title or "",
        url=document.url or result.url,
    )


def pushed_id(found: str, datasource: str, object_types: Iterable[str]) -> str:
    """The id under which a document was pushed, read from Glean's: `CUSTOM_<DATASOURCE>_<type>_<id>`, or parts of it.

    No public source documents the form, so an id of another form is returned unchanged.
    """
    types = "|".join(object_types)
    form = re.compile(rf"(?:{_CUSTOM})?{re.escape(datasource)}_(?:(?:{types})_)?(?P<id>.+)", re.IGNORECASE)
    match = form.fullmatch(found) if datasource else None
    return match["id"] if match else found
