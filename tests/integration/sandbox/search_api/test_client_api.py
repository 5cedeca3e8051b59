"""The search of Glean's Client API: for whom a token is, what they find, and what is refused."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.glean.admin_client import AdminClient
from tests.support.glean.admin_client import document as admin_document
from tests.support.glean.indexing_client import NAME, SITE, IndexingClient, document, refusal_text
from tests.support.servers.plain_http import NO_AUTHORITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Search = Callable[..., "SearchClient"]

    from tests.support.sandbox.embedded import EmbeddedSandbox

ADA, BOB = "ada@example.com", "bob@example.com"
OPTIONS = {"facetBucketSize": 1}


class SearchClient(httpx.Client):
    """A plain client of the Client API."""

    def __init__(self, glean: EmbeddedSandbox, token: str, **headers: str) -> None:
        super().__init__(
            base_url=f"{glean.base_url}/rest/api/v1",
            headers={"Authorization": f"Bearer {token}", **headers},
            timeout=30,
            verify=NO_AUTHORITIES,
        )

    def ask(self, query: str = "heron", **body: Any) -> httpx.Response:
        return self.post("/search", json={"query": query, **body})

    def ids(self, query: str = "heron", **body: Any) -> list[str]:
        found = self.ask(query, **body)
        assert found.status_code == 200, found.text
        return sorted(each["document"]["id"].rpartition("_")[2] for each in found.json()["results"])


@pytest.fixture
def search_client(glean: EmbeddedSandbox) -> Iterator[Search]:
    """A client with the token of that secret and those headers."""
    with ExitStack() as stack:
        yield lambda token, **headers: stack.enter_context(SearchClient(glean, token, **headers))


@pytest.fixture
def wiki_datasource(glean: EmbeddedSandbox) -> Iterator[IndexingClient]:
    """A datasource with a document for everybody, one for Ada alone, and one for nobody."""
    glean.sandbox.set_switches(limits_rate=False)
    glean.sandbox.set_indexing_rate(1e9, minimum_seconds=0)
    glean.sandbox.tokens.add("adas", "client", person=ADA)
    glean.sandbox.tokens.add("bobs", "client", person=BOB)
    glean.sandbox.tokens.add("global", "client")
    glean.sandbox.tokens.add("indexing")
    with IndexingClient(glean) as client:
        client.create_datasource()
        client.call_operation("indexuser", datasource=NAME, user={"email": ADA, "name": "Ada"})
        alone = {"allowedUsers": [{"email": ADA}]}
        client.load(
            "u1",
            [
                document(1, "a heron"),
                document(2, "a heron", permissions=alone),
                document(3, "a heron", permissions={}),
            ],
        )
        yield client


@pytest.mark.usefixtures("wiki_datasource")
def test_an_answer_has_the_shape_of_a_search_response(search_client: Search) -> None:
    answer = search_client("bobs").ask(pageSize=1)
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert answer.json() == {
        "results": [
            {
                "url": f"{SITE}/1",
                "title": "Page 1",
                "document": {
                    "id": f"CUSTOM_{NAME.upper()}_Page_p1",
                    "datasource": NAME,
                    "docType": "Page",
                    "title": "Page 1",
                    "url": f"{SITE}/1",
                    "metadata": {"datasource": NAME, "objectType": "Page"},
                },
                "snippets": [{"mimeType": "text/plain", "text": "a heron"}],
            }
        ],
        "hasMoreResults": False,
    }


@pytest.mark.usefixtures("wiki_datasource")
def test_a_person_finds_what_they_may_see(glean: EmbeddedSandbox, search_client: Search) -> None:
    assert search_client("adas").ids() == ["p1", "p2"]
    assert search_client("bobs").ids() == ["p1"]
    assert search_client("global", **{"X-Glean-ActAs": ADA.upper()}).ids() == ["p1", "p2"]
    assert search_client("global", **{"X-Glean-ActAs": BOB}).ids() == ["p1"]
    assert search_client(glean.token).ids() == ["p1", "p2", "p3"]
    assert search_client(glean.token, **{"X-Glean-ActAs": BOB}).ids() == ["p1"]


@pytest.mark.usefixtures("wiki_datasource")
def test_what_may_not_be_seen_takes_nobodys_place(search_client: Search) -> None:
    for token, size, more in (("adas", 1, True), ("adas", 2, False), ("bobs", 1, False)):
        answer = search_client(token).ask(pageSize=size).json()
        assert (len(answer["results"]), answer["hasMoreResults"]) == (size, more)


@pytest.mark.usefixtures("wiki_datasource")
def test_a_token_of_one_person_acts_as_nobody_else_and_a_global_one_as_somebody(
    search_client: Search,
) -> None:
    denied = refusal_text(search_client("adas", **{"X-Glean-ActAs": BOB}).ask(), 403)
    assert denied == f"the token is {ADA}'s, and X-Glean-ActAs must be empty"
    assert refusal_text(search_client("global").ask(), 403) == "a global token needs X-Glean-ActAs"


@pytest.mark.usefixtures("wiki_datasource")
@pytest.mark.parametrize("token", ["indexing", "wrong"])
def test_an_indexing_token_does_not_search(search_client: Search, token: str) -> None:
    refusal_text(search_client(token).ask(), 401)


def test_a_client_token_indexes_nothing(glean: EmbeddedSandbox, wiki_datasource: IndexingClient) -> None:
    wiki_datasource.headers["Authorization"] = "Bearer adas"
    assert refusal_text(wiki_datasource.call_operation("getdatasourceconfig", datasource=NAME), 401)
    with AdminClient(glean) as admin:
        admin.headers["Authorization"] = "Bearer adas"
        assert admin.get("/datasources").status_code == 401


@pytest.mark.usefixtures("wiki_datasource")
@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, 1),
        ({"datasourceFilter": NAME.upper()}, 1),
        ({"datasourcesFilter": [NAME]}, 1),
        ({"datasourceFilter": NAME, "datasourcesFilter": [NAME.upper()]}, 1),
        ({"datasourcesFilter": []}, 1),
        ({"datasourcesFilter": ["another"]}, 0),
    ],
)
def test_a_datasource_may_be_named(search_client: Search, options: dict[str, Any], found: int) -> None:
    assert len(search_client("bobs").ids(requestOptions={**OPTIONS, **options})) == found


@pytest.mark.usefixtures("wiki_datasource")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"query": 5}, "query"),
        ({"pageSize": 0}, "pageSize"),
        ({"limit": 3}, "limit"),
        ({"requestOptions": {}}, "facetBucketSize"),
        ({"requestOptions": {**OPTIONS, "facetFilters": []}}, "facetFilters"),
        ({"requestOptions": {**OPTIONS, "responseHints": ["SOME"]}}, "responseHints"),
        ({"requestOptions": {**OPTIONS, "datasourcesFilter": ["a", "b"]}}, "datasourcesFilter"),
    ],
)
def test_what_is_no_search_is_refused_in_plain_text(
    search_client: Search, body: dict[str, Any], field: str
) -> None:
    assert field in refusal_text(search_client("bobs").post("/search", json={"query": "heron", **body}))


def test_other_paths_and_methods_are_refused(glean: EmbeddedSandbox, search_client: Search) -> None:
    client = search_client(glean.token)
    assert refusal_text(client.get("/search"), 405)
    assert client.get("/search").headers["allow"] == "POST"
    assert refusal_text(client.post("/chat", json={}), 404)


@pytest.mark.usefixtures("wiki_datasource")
def test_documents_of_the_admin_dialect_are_found_too(glean: EmbeddedSandbox, search_client: Search) -> None:
    with AdminClient(glean) as admin:
        admin.load(admin.create_datasource(), "run-1", [admin_document(1, "an albatross")])
    [found] = search_client("bobs").ask("albatross").json()["results"]
    assert (found["url"], found["document"]["docType"]) == ("", "CONFLUENCE_PAGE")
