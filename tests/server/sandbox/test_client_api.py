"""The search of Glean's Client API: for whom a token is, what they find, and what is refused."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.server.sandbox.client import Admin
from tests.server.sandbox.client import document as admin_document
from tests.server.sandbox.indexing.client import NAME, SITE, Indexing, document, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Search = Callable[..., "Searching"]

    from server.sandbox.serve import EmbeddedSandbox

ADA, BOB = "ada@example.com", "bob@example.com"
OPTIONS = {"facetBucketSize": 1}


class Searching(httpx.Client):
    """A plain client of the Client API."""

    def __init__(self, glean: EmbeddedSandbox, token: str, **headers: str) -> None:
        super().__init__(
            base_url=f"{glean.base_url}/rest/api/v1",
            headers={"Authorization": f"Bearer {token}", **headers},
            timeout=30,
        )

    def ask(self, query: str = "heron", **body: Any) -> httpx.Response:
        return self.post("/search", json={"query": query, **body})

    def ids(self, query: str = "heron", **body: Any) -> list[str]:
        found = self.ask(query, **body)
        assert found.status_code == 200, found.text
        return sorted(each["document"]["id"].rpartition("_")[2] for each in found.json()["results"])


@pytest.fixture
def searching(glean: EmbeddedSandbox) -> Iterator[Search]:
    """A client with the token of that secret and those headers."""
    with ExitStack() as stack:
        yield lambda token, **headers: stack.enter_context(Searching(glean, token, **headers))


@pytest.fixture
def wiki(glean: EmbeddedSandbox) -> Iterator[Indexing]:
    """A datasource with a document for everybody, one for Ada alone, and one for nobody."""
    glean.sandbox.turn(limits_rate=False)
    glean.sandbox.set_rate(1e9, minimum_seconds=0)
    glean.sandbox.tokens.add("adas", "client", person=ADA)
    glean.sandbox.tokens.add("bobs", "client", person=BOB)
    glean.sandbox.tokens.add("global", "client")
    glean.sandbox.tokens.add("indexing")
    with Indexing(glean) as client:
        client.make()
        client.ask("indexuser", datasource=NAME, user={"email": ADA, "name": "Ada"})
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


@pytest.mark.usefixtures("wiki")
def test_an_answer_has_the_shape_of_a_search_response(searching: Search) -> None:
    answer = searching("bobs").ask(pageSize=1)
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


@pytest.mark.usefixtures("wiki")
def test_a_person_finds_what_they_may_see(glean: EmbeddedSandbox, searching: Search) -> None:
    assert searching("adas").ids() == ["p1", "p2"]
    assert searching("bobs").ids() == ["p1"]
    assert searching("global", **{"X-Glean-ActAs": ADA.upper()}).ids() == ["p1", "p2"]
    assert searching("global", **{"X-Glean-ActAs": BOB}).ids() == ["p1"]
    assert searching(glean.token).ids() == ["p1", "p2", "p3"]
    assert searching(glean.token, **{"X-Glean-ActAs": BOB}).ids() == ["p1"]


@pytest.mark.usefixtures("wiki")
def test_what_may_not_be_seen_takes_nobodys_place(searching: Search) -> None:
    for token, size, more in (("adas", 1, True), ("adas", 2, False), ("bobs", 1, False)):
        answer = searching(token).ask(pageSize=size).json()
        assert (len(answer["results"]), answer["hasMoreResults"]) == (size, more)


@pytest.mark.usefixtures("wiki")
def test_a_token_of_one_person_acts_as_nobody_else_and_a_global_one_as_somebody(
    searching: Search,
) -> None:
    denied = refused(searching("adas", **{"X-Glean-ActAs": BOB}).ask(), 403)
    assert denied == f"the token is {ADA}'s, and X-Glean-ActAs must be empty"
    assert refused(searching("global").ask(), 403) == "a global token needs X-Glean-ActAs"


@pytest.mark.usefixtures("wiki")
@pytest.mark.parametrize("token", ["indexing", "wrong"])
def test_an_indexing_token_does_not_search(searching: Search, token: str) -> None:
    refused(searching(token).ask(), 401)


def test_a_client_token_indexes_nothing(glean: EmbeddedSandbox, wiki: Indexing) -> None:
    wiki.headers["Authorization"] = "Bearer adas"
    assert refused(wiki.ask("getdatasourceconfig", datasource=NAME), 401)
    with Admin(glean) as admin:
        admin.headers["Authorization"] = "Bearer adas"
        assert admin.get("/datasources").status_code == 401


@pytest.mark.usefixtures("wiki")
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
def test_a_datasource_may_be_named(searching: Search, options: dict[str, Any], found: int) -> None:
    assert len(searching("bobs").ids(requestOptions={**OPTIONS, **options})) == found


@pytest.mark.usefixtures("wiki")
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
    searching: Search, body: dict[str, Any], field: str
) -> None:
    assert field in refused(searching("bobs").post("/search", json={"query": "heron", **body}))


def test_other_paths_and_methods_are_refused(glean: EmbeddedSandbox, searching: Search) -> None:
    client = searching(glean.token)
    assert refused(client.get("/search"), 405)
    assert client.get("/search").headers["allow"] == "POST"
    assert refused(client.post("/chat", json={}), 404)


@pytest.mark.usefixtures("wiki")
def test_documents_of_the_admin_dialect_are_found_too(glean: EmbeddedSandbox, searching: Search) -> None:
    with Admin(glean) as admin:
        admin.load(admin.make(), "run-1", [admin_document(1, "an albatross")])
    [found] = searching("bobs").ask("albatross").json()["results"]
    assert (found["url"], found["document"]["docType"]) == ("", "CONFLUENCE_PAGE")
