"""What the Indexing dialect takes for a document, and who sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from server.sandbox.indexing_api.operations import PAGE_DOCUMENTS
from tests.support.glean.indexing_client import NAME, SITE, IndexingClient, document, refusal_text, without

if TYPE_CHECKING:
    from tests.support.glean.admin_client import HandDrivenClock
    from tests.support.sandbox.embedded import EmbeddedSandbox

USER = {"email": "Ada@example.com", "name": "Ada", "userId": "u-1"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"documentId": "1"}, "documentId"),
        ({"updatedAt": "2026-01-02T03:04:05Z"}, "updatedAt"),
        ({"createdAt": -1}, "createdAt"),
        ({"objectType": "CONFLUENCE_PAGE"}, "objectType"),
        ({"containerObjectType": "Shelf"}, "containerObjectType"),
        ({"datasource": "another"}, "datasource"),
        ({"viewURL": "https://elsewhere.example.com/1"}, "viewURL"),
        ({"viewURL": f"x{SITE}/1"}, "viewURL"),
        ({"id": "x" * 201}, "id"),
        ({"id": ""}, "id"),
        ({"body": {"mimeType": "application/json", "textContent": "{}"}}, "body.mimeType"),
        ({"permissions": {"allowedUsers": [{"email": "nobody@example.com"}]}}, "allowedUsers"),
        ({"permissions": {"allowedUsers": [{"datasourceUserId": "u-9"}]}}, "allowedUsers"),
        ({"customProperties": [{"name": "public", "value": True}]}, "customProperties"),
        ({"tags": "a"}, "tags"),
    ],
)
def test_what_glean_refuses_of_a_document_is_refused_and_the_whole_page_with_it(
    wiki_client: IndexingClient, changes: dict[str, Any], named: str
) -> None:
    text = refusal_text(
        wiki_client.send_page("u1", [document(1), document(2, **changes)], first=True, last=True)
    )
    assert text.startswith("documents[1].")
    assert named in text
    assert wiki_client.status()["documents"]["bulkUploadHistory"] == []


@pytest.mark.parametrize("field", ["datasource", "id", "objectType", "viewURL"])
def test_what_is_needed_is_demanded(wiki_client: IndexingClient, field: str) -> None:
    assert field in refusal_text(wiki_client.send_page("u1", [without(document(1), field)], first=True))


def test_unknown_fields_are_passed_over_where_glean_is_taken_to_do_so(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.set_switches(forgives_unknown_fields=True)
    wiki_client.load("u1", [document(1, documentId="1"), document(2)])
    assert wiki_client.indexed() == 2


def test_pages_beyond_the_limits_are_too_large(wiki_client: IndexingClient) -> None:
    refusal_text(
        wiki_client.send_page("u1", [document(n) for n in range(PAGE_DOCUMENTS + 1)], first=True), 413
    )
    refusal_text(wiki_client.send_page("u1", [document(1, "x" * (5 * 1024 * 1024))], first=True), 413)
    refusal_text(
        wiki_client.call_operation(
            "bulkindexusers",
            uploadId="v",
            datasource=NAME,
            users=[{"email": f"{n}@example.com", "name": "n"} for n in range(PAGE_DOCUMENTS + 1)],
            isFirstPage=True,
        ),
        413,
    )


def test_ids_are_told_apart_without_case_and_within_their_type(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    wiki_client.load(
        "u1", [document("a", "walrus"), document("A", "ostrich"), document("a", "heron", objectType="Space")]
    )
    assert wiki_client.indexed() == 2
    assert glean.sandbox.search("walrus") == []
    counts = wiki_client.status()["documents"]["counts"]["indexed"]
    assert sorted((each["objectType"], each["count"]) for each in counts) == [("Page", 1), ("Space", 1)]


def test_html_is_searched_without_its_tags_and_a_hit_is_told_by_its_own_id(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    body = {"mimeType": "text/html", "textContent": "<p>late <b>ledger</b></p>"}
    author = {"email": "ada@example.com", "name": "Ada Obi"}
    wiki_client.load("u1", [document(1, body=body, author=author, container="OPS")])
    assert glean.sandbox.search("b") == []
    for words in ("late ledger", "Obi", "OPS", "p1"):
        [hit] = glean.sandbox.search(words)
        assert (hit["documentId"], hit["objectType"], hit["url"]) == ("p1", "Page", f"{SITE}/1")


def test_a_document_of_which_little_is_said_is_found_all_the_same(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    wiki_client.load("u1", [without(without(document(1), "body"), "title")])
    [hit] = glean.sandbox.search("p1")
    assert "title" not in hit


def access(wiki: IndexingClient, email: str, number: int = 1) -> bool:
    told = wiki.call_operation(
        "checkdocumentaccess", datasource=NAME, objectType="Page", docId=f"p{number}", userEmail=email
    )
    assert told.status_code == 200
    return bool(told.json()["hasAccess"])


@pytest.mark.parametrize(
    ("permissions", "sees"),
    [
        ({"allowAnonymousAccess": True}, True),
        ({"allowAllDatasourceUsersAccess": True}, True),
        ({"allowedUsers": [{"email": "ADA@example.com"}]}, True),
        ({"allowedUsers": [{"datasourceUserId": "u-1"}]}, True),
        ({"allowedUsers": [{"email": "bea@example.com"}]}, False),
        ({"allowedGroups": ["staff"]}, False),
        ({}, False),
        (None, False),
    ],
)
def test_who_sees_a_document_is_what_its_permissions_say(
    wiki_client: IndexingClient, permissions: dict[str, Any] | None, *, sees: bool
) -> None:
    for user in (USER, {"email": "bea@example.com", "name": "Bea"}):
        assert wiki_client.call_operation("indexuser", datasource=NAME, user=user).status_code == 200
    body = (
        document(1, permissions=permissions)
        if permissions is not None
        else without(document(1), "permissions")
    )
    wiki_client.load("u1", [body])
    assert access(wiki_client, "ada@example.com") is sees
    assert not access(wiki_client, "stranger@example.com")
    assert not access(wiki_client, "ada@example.com", number=9)


def test_users_come_in_bulk_too_and_who_is_not_in_it_is_forgotten(wiki_client: IndexingClient) -> None:
    wiki_client.call_operation("indexuser", datasource=NAME, user={"email": "old@example.com", "name": "Old"})
    page = {"uploadId": "v1", "datasource": NAME, "users": [USER]}
    assert wiki_client.call_operation("bulkindexusers", **page, isFirstPage=True).status_code == 200
    refusal_text(wiki_client.call_operation("bulkindexusers", **{**page, "uploadId": "v2"}), 409)
    assert (
        wiki_client.call_operation("bulkindexusers", **{**page, "users": []}, isLastPage=True).status_code
        == 200
    )
    told = wiki_client.status()["identity"]["users"]
    assert (told["counts"], [each["status"] for each in told["bulkUploadHistory"]]) == (
        {"uploaded": 1},
        ["SUCCESSFUL"],
    )
    assert (
        wiki_client.call_operation("deleteuser", datasource=NAME, email="ADA@example.com").status_code == 200
    )
    assert (
        wiki_client.call_operation("deleteuser", datasource=NAME, email="ADA@example.com").status_code == 200
    )
    assert wiki_client.status()["identity"]["users"]["counts"] == {"uploaded": 0}


def test_the_last_page_of_users_is_forgiven_where_glean_is_taken_to_do_so(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.set_switches(forgives_last_page=True)
    page = {"uploadId": "v1", "datasource": NAME, "users": [USER], "isFirstPage": True, "isLastPage": True}
    assert wiki_client.call_operation("bulkindexusers", **page).status_code == 200
    assert wiki_client.call_operation("bulkindexusers", **page).status_code == 200


def test_what_is_asked_about_a_document_is_told(wiki_client: IndexingClient) -> None:
    wiki_client.load("u1", [document(1), without(document(2), "permissions")])
    asked = [{"objectType": "Page", "docId": each} for each in ("P1", "p2", "p3")]
    told = wiki_client.call_operation(f"debug/{NAME}/documents", debugDocuments=asked).json()[
        "documentStatuses"
    ]
    there = {
        "uploadStatus": "UPLOADED",
        "lastUploadedAt": "2026-03-01T12:00:00.000Z",
        "indexingStatus": "INDEXED",
        "lastIndexedAt": "2026-03-01T12:00:00.000Z",
        "permissionIdentityStatus": "UPLOADED",
    }
    absent = {"uploadStatus": "NOT_UPLOADED", "indexingStatus": "NOT_INDEXED"}
    assert [each["debugInfo"] for each in told] == [
        {"status": there, "uploadedPermissions": {"allowAnonymousAccess": True}},
        {"status": there},
        {"status": absent},
    ]
    alone = wiki_client.call_operation(f"debug/{NAME}/document", objectType="Page", docId="p1")
    assert alone.json() == told[0]["debugInfo"]
    assert alone.headers["content-type"] == "application/json; charset=UTF-8"
    refusal_text(wiki_client.call_operation("debug/nobody/document", objectType="Page", docId="p1"))


def test_a_document_that_waits_is_told_with_what_is_known_of_it(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    glean.sandbox.set_switches(indexing_s=60)
    ada = {"allowedUsers": [{"email": "ada@example.com"}]}
    wiki_client.call_operation("indexuser", datasource=NAME, user=USER)
    wiki_client.send_page("u1", [document(1, permissions=ada)], first=True)
    asked = {"objectType": "Page", "docId": "p1"}
    waiting = {
        "uploadStatus": "UPLOADED",
        "lastUploadedAt": "2026-03-01T12:00:00.000Z",
        "indexingStatus": "NOT_INDEXED",
        "permissionIdentityStatus": "UPLOADED",
    }
    assert wiki_client.call_operation(f"debug/{NAME}/document", **asked).json()["status"] == waiting

    clock.advance(5)
    wiki_client.send_page("u1", [], last=True)
    wiki_client.call_operation("deleteuser", datasource=NAME, email="ada@example.com")
    clock.advance(61)
    assert wiki_client.call_operation(f"debug/{NAME}/document", **asked).json()["status"] == {
        "uploadStatus": "UPLOADED",
        "lastUploadedAt": "2026-03-01T12:00:05.000Z",
        "indexingStatus": "INDEXED",
        "lastIndexedAt": "2026-03-01T12:01:05.000Z",
        "permissionIdentityStatus": "NOT_UPLOADED",
    }


def test_the_count_of_uploaded_documents_may_be_hours_old(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    def uploaded_counts() -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = wiki_client.status()["documents"]["counts"]["uploaded"]
        return told

    glean.sandbox.set_switches(counts_lag_s=3 * 3600)
    assert uploaded_counts() == []
    wiki_client.load("u1", [document(1)])
    assert (uploaded_counts(), wiki_client.indexed()) == ([], 1)
    clock.advance(3 * 3600)
    assert uploaded_counts() == [{"objectType": "Page", "count": 1}]
