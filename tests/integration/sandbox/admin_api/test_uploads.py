from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.glean.admin_client import AdminClient, HandDrivenClock, document, error_of

if TYPE_CHECKING:
    from tests.support.sandbox.embedded import EmbeddedSandbox


def effects(glean: EmbeddedSandbox) -> list[dict[str, Any]]:
    return [entry.detail for entry in glean.sandbox.ledger() if entry.operation == "documents.upload"]


def test_a_page_that_is_replayed_changes_nothing(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    one = admin_client.create_datasource()
    page = [document(number) for number in range(3)]
    assert admin_client.upload(one, "r", page).json() == {"accepted": 3, "total": 3}
    assert admin_client.upload(one, "r", page).json() == {"accepted": 3, "total": 3}
    assert admin_client.upload(one, "r", [document(3)]).json() == {"accepted": 1, "total": 4}
    assert effects(glean) == [
        {"received": 3, "changed": 3},
        {"received": 3, "changed": 0},
        {"received": 1, "changed": 1},
    ]


def test_a_document_is_the_same_whatever_the_case_of_its_id(
    admin_client: AdminClient, glean: EmbeddedSandbox
) -> None:
    one = admin_client.create_datasource()
    page = [document("a", text="first"), document("A", text="second")]
    assert admin_client.upload(one, "r", page).json() == {"accepted": 2, "total": 1}
    assert admin_client.upload(one, "r", page).json() == {"accepted": 2, "total": 1}
    assert [detail["changed"] for detail in effects(glean)] == [1, 0]
    admin_client.sync(one, "r")


def test_a_changed_document_replaces_the_former_one(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource()
    admin_client.upload(one, "r", [document(1), document(2)])
    after = document(1, text="changed")
    assert admin_client.upload(one, "r", [after, document(2)]).json() == {"accepted": 2, "total": 2}
    admin_client.sync(one, "r")
    clock.advance(1)
    assert glean.sandbox.documents("ACME-Sandbox-Confluence") == [after, document(2)]


def test_documents_stay_unseen_until_their_sync_has_finished(
    admin_client: AdminClient, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource()
    admin_client.upload(one, "r", [document(1)])
    assert admin_client.search_document_ids("ordinary") == []
    admin_client.sync(one, "r")
    assert admin_client.search_document_ids("ordinary") == []
    clock.advance(1)
    assert admin_client.search_document_ids("ordinary") == ["page-1"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"documentId": ""}, "documentId"),
        ({"documentId": "x" * 201}, "documentId"),
        ({"documentId": 7}, "documentId"),
        ({"title": None}, "title"),
        ({"body": {"mimeType": "application/json", "textContent": ""}}, "body.mimeType"),
        ({"body": {"mimeType": "text/html"}}, "body.textContent"),
        ({"container": ""}, "container"),
        ({"author": {}}, "author.email"),
        ({"updatedAt": "yesterday"}, "updatedAt"),
        ({"updatedAt": "2026-02-01T09:00:00"}, "updatedAt"),
        ({"objectType": "PAGE"}, "objectType"),
        ({"objectType": "JIRA_ISSUE"}, "objectType"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_document_that_will_not_do_is_named_by_index_and_field(
    admin_client: AdminClient, change: dict[str, Any], field: str
) -> None:
    one = admin_client.create_datasource()
    refused = admin_client.upload(one, "r", [document(0), document(1, **change), document(2)])
    assert error_of(refused) == (422, "invalid", [f"documents[1].{field}"])
    assert admin_client.upload(one, "r", []).json() == {"accepted": 0, "total": 0}


def test_a_document_may_have_everything_that_is_optional(admin_client: AdminClient) -> None:
    full = document(
        1,
        author={"email": "ada@example.com", "name": "Ada"},
        url="https://wiki.example.com/1",
        createdAt="2026-01-01T00:00:00+01:00",
        properties={"labels": ["a"], "stars": 3},
        references=["INC-1"],
    )
    assert admin_client.upload(admin_client.create_datasource(), "r", [full]).status_code == 200


def test_a_page_has_at_most_a_thousand_documents(admin_client: AdminClient) -> None:
    one = admin_client.create_datasource()
    page = [document(number) for number in range(1001)]
    assert admin_client.upload(one, "r", page[:1000]).json() == {"accepted": 1000, "total": 1000}
    assert error_of(admin_client.upload(one, "r", page)) == (413, "too_large", [])


def test_a_page_has_at_most_five_mebibytes(admin_client: AdminClient) -> None:
    one = admin_client.create_datasource()
    head, tail = b'{"documents": [', b"]}"
    fits = head + b" " * (5 * 1024 * 1024 - len(head) - len(tail)) + tail
    assert admin_client.post(f"{one}/uploads/r/documents", content=fits).status_code == 200
    assert error_of(admin_client.post(f"{one}/uploads/r/documents", content=fits + b" ")) == (
        413,
        "too_large",
        [],
    )


@pytest.mark.parametrize("run", ["-r", "r" * 201, "a b", "%00"])
def test_a_run_is_named_in_plain_letters(admin_client: AdminClient, run: str) -> None:
    one = admin_client.create_datasource()
    assert error_of(admin_client.upload(one, run, [])) == (422, "invalid", ["uploadId"])
    assert error_of(admin_client.delete(f"{one}/uploads/{run}")) == (422, "invalid", ["uploadId"])


def test_a_discarded_run_is_forgotten_also_when_it_never_was(
    admin_client: AdminClient, glean: EmbeddedSandbox
) -> None:
    one = admin_client.create_datasource()
    admin_client.upload(one, "r", [document(1), document(2)])
    for _ in range(2):
        assert admin_client.delete(f"{one}/uploads/r").status_code == 204
    assert [entry.detail for entry in glean.sandbox.ledger() if entry.operation == "uploads.discard"] == [
        {"documents": 2}
    ]
    assert error_of(admin_client.sync(one, "r")) == (422, "invalid", ["uploadId"])
    assert admin_client.upload(one, "r", [document(3)]).json() == {"accepted": 1, "total": 1}


def test_a_run_that_is_served_is_not_discarded(admin_client: AdminClient, clock: HandDrivenClock) -> None:
    one = admin_client.create_datasource()
    admin_client.load(one, "r", [document(1)])
    assert error_of(admin_client.delete(f"{one}/uploads/r")) == (409, "sync_running", [])
    clock.advance(1)
    assert admin_client.delete(f"{one}/uploads/r").status_code == 204
    assert admin_client.search_document_ids("ordinary") == ["page-1"]


def test_a_stopped_run_can_be_discarded(admin_client: AdminClient) -> None:
    one = admin_client.create_datasource()
    first = admin_client.load(one, "r", [document(1)])
    admin_client.post(f"{one}/sync/stop")
    assert admin_client.delete(f"{one}/uploads/r").status_code == 204
    assert admin_client.get(f"{one}/sync/{first}").json()["status"] == "STOPPED"


def test_a_run_takes_no_other_documents_once_it_is_synced(
    admin_client: AdminClient, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource()
    admin_client.load(one, "r", [document(1)])
    assert admin_client.upload(one, "r", [document(1)]).json() == {"accepted": 1, "total": 1}
    assert error_of(admin_client.upload(one, "r", [document(2)])) == (409, "sync_running", [])
    clock.advance(1)
    assert admin_client.upload(one, "r", [document(1)]).json() == {"accepted": 1, "total": 1}
    assert error_of(admin_client.upload(one, "r", [document(1, text="other")])) == (409, "already_exists", [])
    assert admin_client.search_document_ids("ordinary") == ["page-1"]
