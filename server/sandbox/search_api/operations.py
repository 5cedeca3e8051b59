"""The search of Glean's Client API, at `/rest/api/v1`, with the fields of its OpenAPI file.

A search finds the documents that one person may see: the person whom the token was made for, or the one whom
`X-Glean-ActAs` names (https://developers.glean.com/api-info/client/authentication/glean-issued). The sandbox's own
token finds everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from server.sandbox.http.body_reader import BodyReader
from server.sandbox.http.operation import ApiRequest, Operation
from server.sandbox.http.rate_limits import rate_limited_handler
from server.sandbox.http.responses import ApiResponse
from server.sandbox.state.content import permissions
from server.sandbox.state.content.contents import CUSTOM_CONNECTOR
from server.sandbox.state.content.processing import advance_due_work
from server.sandbox.state.content.search.fulltext import search_fulltext
from server.sandbox.state.refusals import RefusedError, invalid_field_error
from server.sandbox.state.switches import load_switches
from server.sandbox.state.tokens import find_token

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from server.sandbox.state.state import SandboxState

_PAGE: Final = 10
Hint = Literal["ALL_RESULT_COUNTS", "FACET_RESULTS", "QUERY_METADATA", "RESULTS", "SPELLCHECK_METADATA"]


class _Camel(Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    pass


class SearchRequestOptions(_Camel, kw_only=True):
    """`SearchRequestOptions`, without the fields that the sandbox does not support."""

    facet_bucket_size: int
    datasource_filter: str | UnsetType = UNSET
    datasources_filter: list[str] | UnsetType = UNSET
    response_hints: list[Hint] | UnsetType = UNSET
    timezone_offset: int | UnsetType = UNSET
    disable_spellcheck: bool | UnsetType = UNSET
    disable_query_autocorrect: bool | UnsetType = UNSET


class SearchRequest(_Camel, kw_only=True):
    """`SearchRequest`, without the fields that the sandbox does not support."""

    query: str
    page_size: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET
    max_snippet_size: int | UnsetType = UNSET
    request_options: SearchRequestOptions | UnsetType = UNSET
    timeout_millis: int | UnsetType = UNSET
    disable_spellcheck: bool | UnsetType = UNSET


def search_documents(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer the served documents that match the query and that the person may see."""
    advance_due_work(world)
    with world.database.read() as connection:
        may_see = _visibility_filter(connection, call)
        switches = load_switches(connection)
        request = BodyReader(switches).read(SearchRequest, call.body)
        size = _PAGE if request.page_size is UNSET else request.page_size
        # One hit more than the page holds says whether there are more.
        found = search_fulltext(
            connection,
            request.query,
            datasources=_requested_datasource(request),
            limit=size + 1,
            may_see=may_see,
        )["results"]
    return ApiResponse(
        payload={
            "results": [_result_payload(each, prefixed=switches.prefixes_ids) for each in found[:size]],
            "hasMoreResults": len(found) > size,
        }
    )


def _visibility_filter(
    connection: sqlite3.Connection, call: ApiRequest
) -> Callable[[str, bytes], bool] | None:
    """Predicate of the documents that the person may see; None when everything may be seen."""
    token = find_token(connection, call.bearer)
    if token is None and not call.acting:
        return None
    if token is not None and bool(token.person) == bool(call.acting):
        raise RefusedError(
            "permission_denied",
            f"the token is {token.person}'s, and X-Glean-ActAs must be empty"
            if token.person
            else "a global token needs X-Glean-ActAs",
        )
    person = ((token and token.person) or call.acting).casefold()

    def may_see(connector: str, raw: bytes) -> bool:
        return connector != CUSTOM_CONNECTOR or permissions.may_see(raw, person, None)

    return may_see


def _requested_datasource(request: SearchRequest) -> list[str] | None:
    """The one datasource to search, in a list; None for all."""
    options = request.request_options
    if options is UNSET:
        return None
    several = [] if options.datasources_filter is UNSET else options.datasources_filter
    named = several if options.datasource_filter is UNSET else [options.datasource_filter, *several]
    if len({each.casefold() for each in named}) > 1:
        raise invalid_field_error(
            "requestOptions.datasourcesFilter", "the sandbox searches one datasource, or all"
        )
    return named[:1] or None


def _result_payload(hit: dict[str, Any], *, prefixed: bool) -> dict[str, Any]:
    kind, name = str(hit["objectType"]), str(hit["datasource"])
    found = str(hit["documentId"])
    url, title = hit.get("url", ""), hit.get("title", found)
    return {
        "url": url,
        "title": title,
        "document": {
            "id": f"CUSTOM_{name.upper()}_{kind}_{found}" if prefixed else found,
            "datasource": name.casefold(),
            "docType": kind,
            "title": title,
            "url": url,
            "metadata": {"datasource": name.casefold(), "objectType": kind},
        },
        "snippets": [{"mimeType": "text/plain", "text": hit["snippet"]}],
    }


CLIENT_OPERATIONS: Final = (
    Operation(name="search", method="POST", path="/search", handler=rate_limited_handler(search_documents)),
)
"""Every operation that our clients use."""
