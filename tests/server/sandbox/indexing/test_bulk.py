"""Bulk uploads: pages in order, one upload at a time, and what becomes of what an upload lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.server.sandbox.indexing.client import NAME, Indexing, document, refused

if TYPE_CHECKING:
    from server.sandbox.serve import EmbeddedSandbox
    from tests.server.sandbox.client import HandClock

DAY = 86_400


def test_nothing_is_served_before_the_last_page_and_everything_after_it(
    wiki: Indexing, glean: EmbeddedSandbox
) -> None:
    assert wiki.page("u1", [document(1)], first=True).status_code == 200
    assert wiki.page("u1", [document(2)]).status_code == 200
    [event] = wiki.status()["documents"]["bulkUploadHistory"]
    assert (event["status"], event["endTime"], event["processingState"]) == (
        "ACTIVE",
        "NA",
        "UPLOAD IN PROGRESS",
    )
    assert glean.sandbox.documents(NAME) == []
    assert wiki.page("u1", [], last=True).status_code == 200
    assert [each["id"] for each in glean.sandbox.documents(NAME)] == ["p1", "p2"]
    assert wiki.states() == {"u1": "INDEXING COMPLETED"}


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({}, "active"),
        ({"last": True}, "active"),
        ({"forceRestartUpload": True}, "forceRestartUpload"),
        ({"first": True, "disableStaleDocumentDeletionCheck": True}, "disableStale"),
    ],
)
def test_a_page_that_does_not_fit_is_refused(wiki: Indexing, flags: dict[str, Any], named: str) -> None:
    assert named in refused(wiki.page("u1", [document(1)], **flags))
    assert wiki.status()["documents"]["bulkUploadHistory"] == []


def test_a_second_upload_is_refused_as_long_as_one_is_active_unless_it_is_forced(
    wiki: Indexing, glean: EmbeddedSandbox
) -> None:
    wiki.page("u1", [document(1)], first=True)
    refused(wiki.page("u2", [document(2)], first=True), 409)
    refused(wiki.page("u2", [document(2)]), 409)
    assert wiki.page("u2", [document(2)], first=True, forceRestartUpload=True).status_code == 200
    assert "active" in refused(wiki.page("u1", [document(3)]))
    assert wiki.page("u2", [], last=True).status_code == 200
    assert [each["id"] for each in glean.sandbox.documents(NAME)] == ["p2"]
    assert wiki.states() == {"u2": "INDEXING COMPLETED"}


def test_a_replayed_page_changes_nothing(wiki: Indexing, glean: EmbeddedSandbox) -> None:
    for _ in range(2):
        assert wiki.page("u1", [document(1)], first=True, forceRestartUpload=True).status_code == 200
    for _ in range(2):
        assert wiki.page("u1", [document(2)]).status_code == 200
    wiki.page("u1", [], last=True)
    assert len(glean.sandbox.documents(NAME)) == 2


def test_a_replayed_last_page_is_refused_or_accepted_as_glean_is_taken_to_do(
    wiki: Indexing, glean: EmbeddedSandbox
) -> None:
    wiki.load("u1", [document(1)])
    assert "active" in refused(wiki.page("u1", [document(1)], last=True))
    glean.sandbox.turn(forgives_last_page=True)
    assert wiki.page("u1", [document(1)], last=True).status_code == 200
    assert "active" in refused(wiki.page("u1", [document(1)]))


def test_what_an_upload_lacks_is_deleted_after_it_was_indexed(
    wiki: Indexing, glean: EmbeddedSandbox, clock: HandClock
) -> None:
    wiki.load("u1", [document(n) for n in range(10)])
    glean.sandbox.turn(indexing_s=900, deletion_s=300)
    wiki.load("u2", [document(n, "heron") for n in range(8)])
    assert (wiki.states()["u2"], wiki.indexed(), glean.sandbox.search("heron")) == (
        "UPLOAD COMPLETED",
        10,
        [],
    )
    clock.advance(901)
    assert (wiki.states()["u2"], wiki.indexed()) == ("INDEXING COMPLETED", 10)
    assert len(glean.sandbox.search("heron")) == 8
    clock.advance(300)
    assert wiki.indexed() == 8


def test_deleting_more_than_a_fifth_pauses_for_a_week_unless_told_otherwise(
    wiki: Indexing, clock: HandClock
) -> None:
    wiki.load("u1", [document(n) for n in range(10)])
    wiki.load("u2", [document(n) for n in range(7)])
    assert (wiki.states()["u2"], wiki.indexed()) == ("DELETION PAUSED", 10)
    clock.advance(7 * DAY - 1)
    assert wiki.states()["u2"] == "DELETION PAUSED"
    clock.advance(2)
    assert (wiki.states()["u2"], wiki.indexed()) == ("INDEXING COMPLETED", 7)
    wiki.load("u3", [], disableStaleDocumentDeletionCheck=True)
    assert (wiki.states()["u3"], wiki.indexed()) == ("INDEXING COMPLETED", 0)


def test_single_documents_come_and_go_beside_uploads(
    wiki: Indexing, glean: EmbeddedSandbox, clock: HandClock
) -> None:
    wiki.load("u1", [document(1)])
    assert wiki.ask("indexdocument", document=document(2)).status_code == 200
    assert (
        wiki.ask("indexdocuments", datasource=NAME, documents=[document(3), document(1, "new")]).status_code
        == 200
    )
    assert [each["id"] for each in glean.sandbox.documents(NAME)] == ["p1", "p2", "p3"]
    assert "datasource" in refused(wiki.ask("indexdocument", document={"id": "p4"}))
    refused(wiki.ask("indexdocuments", datasource="nobody", documents=[]))

    glean.sandbox.turn(deletion_s=60)
    for _ in range(2):
        gone = wiki.ask("deletedocument", datasource=NAME, objectType="Page", id="P2")
        assert gone.status_code == 200
    assert wiki.indexed() == 3
    clock.advance(61)
    assert wiki.indexed() == 2


def test_everything_may_be_processed_once_in_three_hours(wiki: Indexing, clock: HandClock) -> None:
    assert wiki.ask("processalldocuments", datasource=NAME).status_code == 200
    refused(wiki.ask("processalldocuments", datasource=NAME), 429)
    clock.advance(3 * 3600)
    assert wiki.ask("processalldocuments", datasource=NAME).status_code == 200


def test_an_instance_that_was_deleted_at_the_console_is_gone_with_all_that_was_in_it(
    wiki: Indexing, glean: EmbeddedSandbox
) -> None:
    wiki.load("u1", [document(1)])
    glean.sandbox.delete(NAME)
    refused(wiki.ask(f"debug/{NAME}/status"))
    wiki.make()
    assert wiki.status()["documents"] == {
        "bulkUploadHistory": [],
        "counts": {"uploaded": [], "indexed": []},
        "processingHistory": [],
    }
