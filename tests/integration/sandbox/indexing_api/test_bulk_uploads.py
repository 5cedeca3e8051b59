"""Bulk uploads: pages in order, one upload at a time, and what becomes of what an upload lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from server.sandbox.state.content.sync_jobs import advance_sync_job
from tests.support.glean.indexing_client import NAME, IndexingClient, document, refusal_text
from tests.support.sandbox.settings import DOCUMENTED_DELAYS

if TYPE_CHECKING:
    from tests.support.glean.admin_client import HandDrivenClock
    from tests.support.sandbox.embedded import EmbeddedSandbox

DAY = 86_400


def test_nothing_is_served_before_the_last_page_and_everything_after_it(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    assert wiki_client.send_page("u1", [document(1)], first=True).status_code == 200
    assert wiki_client.send_page("u1", [document(2)]).status_code == 200
    [event] = wiki_client.status()["documents"]["bulkUploadHistory"]
    assert (event["status"], event["endTime"], event["processingState"]) == (
        "ACTIVE",
        "NA",
        "UPLOAD IN PROGRESS",
    )
    assert glean.sandbox.documents(NAME) == []
    assert wiki_client.send_page("u1", [], last=True).status_code == 200
    assert [each["id"] for each in glean.sandbox.documents(NAME)] == ["p1", "p2"]
    assert wiki_client.upload_states() == {"u1": "INDEXING COMPLETED"}


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({}, "active"),
        ({"last": True}, "active"),
        ({"forceRestartUpload": True}, "forceRestartUpload"),
        ({"first": True, "disableStaleDocumentDeletionCheck": True}, "disableStale"),
    ],
)
def test_a_page_that_does_not_fit_is_refused(
    wiki_client: IndexingClient, flags: dict[str, Any], named: str
) -> None:
    assert named in refusal_text(wiki_client.send_page("u1", [document(1)], **flags))
    assert wiki_client.status()["documents"]["bulkUploadHistory"] == []


def test_a_second_upload_is_refused_as_long_as_one_is_active_unless_it_is_forced(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    wiki_client.send_page("u1", [document(1)], first=True)
    refusal_text(wiki_client.send_page("u2", [document(2)], first=True), 409)
    refusal_text(wiki_client.send_page("u2", [document(2)]), 409)
    assert wiki_client.send_page("u2", [document(2)], first=True, forceRestartUpload=True).status_code == 200
    assert "active" in refusal_text(wiki_client.send_page("u1", [document(3)]))
    assert wiki_client.send_page("u2", [], last=True).status_code == 200
    assert [each["id"] for each in glean.sandbox.documents(NAME)] == ["p2"]
    assert wiki_client.upload_states() == {"u2": "INDEXING COMPLETED"}


def test_a_replayed_page_changes_nothing(wiki_client: IndexingClient, glean: EmbeddedSandbox) -> None:
    for _ in range(2):
        assert (
            wiki_client.send_page("u1", [document(1)], first=True, forceRestartUpload=True).status_code == 200
        )
    for _ in range(2):
        assert wiki_client.send_page("u1", [document(2)]).status_code == 200
    wiki_client.send_page("u1", [], last=True)
    assert len(glean.sandbox.documents(NAME)) == 2


def test_a_replayed_last_page_is_refused_or_accepted_as_glean_is_taken_to_do(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    wiki_client.load("u1", [document(1)])
    assert "active" in refusal_text(wiki_client.send_page("u1", [document(1)], last=True))
    glean.sandbox.set_switches(forgives_last_page=True)
    assert wiki_client.send_page("u1", [document(1)], last=True).status_code == 200
    assert "active" in refusal_text(wiki_client.send_page("u1", [document(1)]))


def test_what_an_upload_lacks_is_deleted_after_it_was_indexed(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    wiki_client.load("u1", [document(n) for n in range(10)])
    glean.sandbox.set_switches(indexing_s=900, deletion_s=300)
    wiki_client.load("u2", [document(n, "heron") for n in range(8)])
    assert (wiki_client.upload_states()["u2"], wiki_client.indexed(), glean.sandbox.search("heron")) == (
        "UPLOAD COMPLETED",
        10,
        [],
    )
    clock.advance(901)
    assert (wiki_client.upload_states()["u2"], wiki_client.indexed()) == ("INDEXING COMPLETED", 10)
    assert len(glean.sandbox.search("heron")) == 8
    clock.advance(300)
    assert wiki_client.indexed() == 8


def test_deleting_more_than_a_fifth_pauses_for_a_week_unless_told_otherwise(
    wiki_client: IndexingClient, clock: HandDrivenClock
) -> None:
    wiki_client.load("u1", [document(n) for n in range(10)])
    wiki_client.load("u2", [document(n) for n in range(7)])
    assert (wiki_client.upload_states()["u2"], wiki_client.indexed()) == ("DELETION PAUSED", 10)
    clock.advance(7 * DAY - 1)
    assert wiki_client.upload_states()["u2"] == "DELETION PAUSED"
    clock.advance(2)
    assert (wiki_client.upload_states()["u2"], wiki_client.indexed()) == ("INDEXING COMPLETED", 7)
    wiki_client.load("u3", [], disableStaleDocumentDeletionCheck=True)
    assert (wiki_client.upload_states()["u3"], wiki_client.indexed()) == ("INDEXING COMPLETED", 0)


def test_what_becomes_of_an_upload_does_not_depend_on_who_looks_when(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    wiki_client.load("u1", [document(n) for n in range(10)])
    glean.sandbox.set_switches(indexing_s=900, deletion_s=300)
    wiki_client.load("u2", [document(n) for n in range(5)])
    clock.advance(60)
    wiki_client.load("u3", [document(n) for n in range(9)])
    clock.advance(DAY)
    assert wiki_client.upload_states() == {
        "u1": "INDEXING COMPLETED",
        "u2": "DELETION PAUSED",
        "u3": "INDEXING COMPLETED",
    }
    assert wiki_client.indexed() == 9


def test_an_upload_whose_indexing_ended_with_its_process_loses_what_it_lacks_all_the_same(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    wiki_client.load("u1", [document(n) for n in range(10)])
    glean.sandbox.set_switches(indexing_s=900)
    wiki_client.load("u2", [document(n) for n in range(9)])
    clock.advance(901)
    with glean.sandbox.world.database.write() as connection:
        (job,) = connection.execute("SELECT id FROM job WHERE status = 'RUNNING'").fetchall()
        assert advance_sync_job(glean.sandbox.world, connection, job["id"], 100) == 18
    assert wiki_client.indexed() == 9


def test_a_deletion_that_is_paused_does_not_put_off_one_that_was_due_before(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    wiki_client.load("u1", [document(n) for n in range(10)])
    glean.sandbox.set_switches(deletion_s=300)
    wiki_client.load("u2", [document(n) for n in range(5)], disableStaleDocumentDeletionCheck=True)
    clock.advance(1)
    wiki_client.load("u3", [document(n) for n in range(4)])
    assert (wiki_client.upload_states()["u3"], wiki_client.indexed()) == ("DELETION PAUSED", 10)
    clock.advance(300)
    assert wiki_client.indexed() == 5


@pytest.mark.parametrize(
    ("switch", "told"), [("refuses_as_bad", 400), ("restart_forgets", 409), ("tells_given_up", 409)]
)
def test_what_no_source_tells_of_uploads_can_be_turned(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, switch: str, told: int
) -> None:
    glean.sandbox.set_switches(**{switch: True})
    wiki_client.send_page("u1", [document(1)], first=True)
    refusal_text(wiki_client.send_page("u2", [document(2)], first=True), told)
    assert wiki_client.send_page("u1", [document(3)], first=True, forceRestartUpload=True).status_code == 200
    wiki_client.send_page("u1", [], last=True)
    assert wiki_client.indexed() == (1 if switch == "restart_forgets" else 2)
    wiki_client.send_page("u3", [document(4)], first=True)
    wiki_client.load("u4", [document(4)], forceRestartUpload=True)
    given_up = {"u3": "UPLOAD IN PROGRESS"} if switch == "tells_given_up" else {}
    states = wiki_client.upload_states()
    assert {name: states[name] for name in states if name == "u3"} == given_up


def test_the_history_is_in_the_order_of_uploads_where_that_is_turned_on(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    names = ["9-a", "8-b", "7-c"]
    for name in names:
        wiki_client.load(name, [document(1)])
    glean.sandbox.set_switches(tells_oldest_first=True)
    assert list(wiki_client.upload_states()) == names


def test_single_documents_come_and_go_beside_uploads(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    wiki_client.load("u1", [document(1)])
    assert wiki_client.call_operation("indexdocument", document=document(2)).status_code == 200
    assert (
        wiki_client.call_operation(
            "indexdocuments", datasource=NAME, documents=[document(3), document(1, "new")]
        ).status_code
        == 200
    )
    assert [each["id"] for each in glean.sandbox.documents(NAME)] == ["p1", "p2", "p3"]
    assert "datasource" in refusal_text(wiki_client.call_operation("indexdocument", document={"id": "p4"}))
    refusal_text(wiki_client.call_operation("indexdocuments", datasource="nobody", documents=[]))

    glean.sandbox.set_switches(deletion_s=60)
    for _ in range(2):
        gone = wiki_client.call_operation("deletedocument", datasource=NAME, objectType="Page", id="P2")
        assert gone.status_code == 200
    assert wiki_client.indexed() == 3
    clock.advance(61)
    assert wiki_client.indexed() == 2
    assert (
        wiki_client.call_operation("deletedocument", datasource=NAME, objectType="Page", id="p2").status_code
        == 200
    )


def test_everything_may_be_processed_once_in_three_hours(
    wiki_client: IndexingClient, clock: HandDrivenClock
) -> None:
    wiki_client.create_datasource(name="another", urlRegex="https://another\\.example\\.com/.*")
    assert wiki_client.call_operation("processalldocuments", datasource=NAME).status_code == 200
    refusal_text(wiki_client.call_operation("processalldocuments", datasource=NAME.upper()), 429)
    assert wiki_client.call_operation("processalldocuments", datasource="another").status_code == 200
    assert wiki_client.post("/processalldocuments").status_code == 200
    refusal_text(wiki_client.call_operation("processalldocuments"), 429)
    clock.advance(3 * 3600 - 1)
    refusal_text(wiki_client.call_operation("processalldocuments", datasource=NAME), 429)
    clock.advance(1)
    assert wiki_client.call_operation("processalldocuments", datasource=NAME).status_code == 200


def test_processing_everything_keeps_each_datasource_from_being_processed_again(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    glean.sandbox.set_switches(tells_retry_after=True)
    assert wiki_client.call_operation("processalldocuments").status_code == 200
    clock.advance(3600)
    late = wiki_client.call_operation("processalldocuments", datasource=NAME)
    assert (refusal_text(late, 429) != "", late.headers["retry-after"]) == (True, str(2 * 3600))
    refusal_text(wiki_client.call_operation("processalldocuments", datasource="nobody"))


def test_uploads_and_single_documents_are_indexed_as_late_as_glean_says(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    glean.sandbox.set_switches(**DOCUMENTED_DELAYS)
    wiki_client.load("u1", [document(1)])
    wiki_client.call_operation("indexdocument", document=document(2))
    clock.advance(2 * 60)
    assert wiki_client.indexed() == 0
    clock.advance(2 * 60)
    assert wiki_client.indexed() == 1
    clock.advance(11 * 60)
    assert wiki_client.indexed() == 1
    clock.advance(5 * 60)
    assert wiki_client.indexed() == 2


def test_what_was_uploaded_is_indexed_sooner_when_that_is_asked_for(
    wiki_client: IndexingClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    glean.sandbox.set_switches(indexing_s=20 * 60, single_s=60)
    wiki_client.create_datasource(name="another", urlRegex="https://another\\.example\\.com/.*")
    page = document(1, datasource="another", viewURL="https://another.example.com/1")
    wiki_client.call_operation(
        "bulkindexdocuments",
        datasource="another",
        uploadId="u0",
        documents=[page],
        isFirstPage=True,
        isLastPage=True,
    )
    wiki_client.load("u1", [document(1)])
    assert wiki_client.call_operation("processalldocuments", datasource=NAME).status_code == 200
    clock.advance(61)
    assert (wiki_client.upload_states(), len(glean.sandbox.documents("another"))) == (
        {"u1": "INDEXING COMPLETED"},
        0,
    )


def test_an_instance_that_was_deleted_at_the_console_is_gone_with_all_that_was_in_it(
    wiki_client: IndexingClient, glean: EmbeddedSandbox
) -> None:
    wiki_client.load("u1", [document(1)])
    glean.sandbox.delete_datasource(NAME)
    refusal_text(wiki_client.call_operation(f"debug/{NAME}/status"))
    wiki_client.create_datasource()
    assert wiki_client.status()["documents"] == {
        "bulkUploadHistory": [],
        "counts": {"uploaded": [], "indexed": []},
        "processingHistory": [],
    }
