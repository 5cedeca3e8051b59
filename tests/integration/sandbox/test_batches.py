"""However many documents there are: a request handles one batch of them, and whoever comes next goes on there."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from server.sandbox.state.content.sync_jobs import advance_sync_job, index_batch
from tests.support.glean import indexing_client as wiki
from tests.support.glean.admin_client import AdminClient, document
from tests.support.glean.indexing_client import NAME, IndexingClient
from tests.support.polling import wait_for
from tests.support.sandbox.embedded import EmbeddedSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.glean.admin_client import HandDrivenClock

BATCH = 40
MANY = 205
PAGES = [document(number) for number in range(MANY)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.db"


@contextmanager
def open_process(
    path: Path, clock: HandDrivenClock, *, background: bool = False
) -> Iterator[EmbeddedSandbox]:
    """One process on the file, which does nothing but what is asked of it unless it has a background."""
    with EmbeddedSandbox(path, token="secret", now=clock, batch=BATCH, background=background) as running:
        running.sandbox.set_switches(limits_rate=False)
        yield running


def count_rows(glean: EmbeddedSandbox, table: str) -> int:
    with glean.state.database.read() as connection:
        (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - named here
    return int(number)


def read_job(admin: AdminClient, one: str, run: str = "r") -> tuple[str, int]:
    answer: dict[str, Any] = admin.get(f"{one}/uploads/{run}/sync").json()
    return answer["status"], answer["documentsIndexed"]


def test_a_sync_of_many_documents_runs_on_while_each_request_indexes_a_batch(
    path: Path, clock: HandDrivenClock
) -> None:
    with open_process(path, clock) as glean, AdminClient(glean) as admin:
        one = admin.create_datasource()
        admin.load(one, "r", PAGES)
        clock.advance(60)
        told = [("RUNNING", indexed) for indexed in range(BATCH, MANY, BATCH)]
        assert [read_job(admin, one) for _ in told] == told
        assert glean.sandbox.world.database.path == path
        assert admin.get(f"{one}/health").json()["status"] == "HEALTHY"
        assert read_job(admin, one) == ("SUCCEEDED", MANY)


def test_a_run_is_found_in_one_instant_however_many_batches_it_takes(
    path: Path, clock: HandDrivenClock
) -> None:
    with open_process(path, clock) as glean, AdminClient(glean) as admin:
        one = admin.create_datasource()
        admin.load(one, "old", [document(1, text="former words")])
        clock.advance(60)
        assert admin.search_document_ids("former") == ["page-1"]
        admin.load(one, "r", PAGES)
        clock.advance(60)
        found = [
            (admin.search_document_ids("former"), admin.search_document_ids("ordinary")) for _ in range(4)
        ]
        assert found[0] == (["page-1"], [])
        assert found[-1][0] == []
        assert len(found[-1][1]) == 100  # as many as are asked for
        assert (count_rows(glean, "document"), count_rows(glean, "fulltext")) == (MANY, MANY)


def test_a_process_that_dies_between_two_batches_leaves_the_rest_to_the_next(
    path: Path, clock: HandDrivenClock
) -> None:
    with open_process(path, clock) as glean, AdminClient(glean) as admin:
        one = admin.create_datasource()
        admin.load(one, "r", PAGES)
        clock.advance(60)
        assert read_job(admin, one) == ("RUNNING", BATCH)
    with open_process(path, clock) as glean, AdminClient(glean) as admin:
        assert read_job(admin, one) == ("RUNNING", 2 * BATCH)
        assert count_rows(glean, "fulltext") == 2 * BATCH
    with open_process(path, clock, background=True) as glean, AdminClient(glean) as admin:
        while read_job(admin, one)[0] == "RUNNING":
            assert admin.search_document_ids("ordinary") == [] or read_job(admin, one)[0] == "SUCCEEDED"
        assert read_job(admin, one) == ("SUCCEEDED", MANY)
        assert count_rows(glean, "fulltext") == MANY


def test_a_sync_that_is_stopped_between_two_batches_goes_on_there_with_what_was_changed_meanwhile(
    path: Path, clock: HandDrivenClock
) -> None:
    with open_process(path, clock) as glean, AdminClient(glean) as admin:
        one = admin.create_datasource()
        job = admin.load(one, "r", PAGES)
        clock.advance(60)
        assert read_job(admin, one) == ("RUNNING", BATCH)
        assert admin.post(f"{one}/sync/stop").json() == {"stopped": [job]}
        assert read_job(admin, one)[0] == "STOPPED"
        changed = [document(0, text="later words"), document("new")]
        assert admin.upload(one, "r", changed).json() == {"accepted": 2, "total": MANY + 1}
        assert admin.sync(one, "r").status_code == 202
        clock.advance(60)
        glean.sandbox.documents("ACME-Sandbox-Confluence")
        assert read_job(admin, one) == ("SUCCEEDED", MANY + 1)
        assert admin.search_document_ids("later") == ["page-0"]
        assert admin.search_document_ids("page-new") == ["page-new"]
        assert count_rows(glean, "fulltext") == MANY + 1


def test_a_deleted_datasource_is_gone_at_once_and_its_documents_batch_by_batch(
    path: Path, clock: HandDrivenClock
) -> None:
    with open_process(path, clock) as glean, AdminClient(glean) as admin:
        one = admin.create_datasource()
        admin.load(one, "r", PAGES)
        clock.advance(60)
        assert len(glean.sandbox.documents("ACME-Sandbox-Confluence")) == MANY
        assert admin.delete(one).status_code == 204
        left = [(count_rows(glean, "document"), admin.search_document_ids("ordinary")) for _ in range(2)]
        assert left == [(MANY, []), (MANY - BATCH, [])]
        assert admin.get("/datasources").json() == {"datasources": []}
    with open_process(path, clock) as glean, AdminClient(glean) as admin:
        for gone in range(4, 6):
            assert admin.get(one).status_code == 404
            assert count_rows(glean, "document") == max(0, MANY - gone * BATCH)
        assert admin.get(one).status_code == 404
        for table in ("document", "fulltext", "upload", "garbage"):
            assert count_rows(glean, table) == 0


async def test_what_requests_leave_is_done_in_the_background(path: Path, clock: HandDrivenClock) -> None:
    with open_process(path, clock, background=True) as glean, AdminClient(glean) as admin:
        one = admin.create_datasource()
        admin.load(one, "r", PAGES)
        clock.advance(60)
        assert admin.search_document_ids("ordinary") == []
        await wait_for(lambda: count_rows(glean, "served") == MANY)
        admin.delete(one)
        assert admin.get(one).status_code == 404
        await wait_for(lambda: count_rows(glean, "fulltext") == 0)


async def test_many_documents_are_ready_when_their_sync_is_over(path: Path, clock: HandDrivenClock) -> None:
    with open_process(path, clock, background=True) as glean, AdminClient(glean) as admin:
        glean.sandbox.set_indexing_rate(1)
        one = admin.create_datasource()
        admin.upload(one, "r", PAGES)
        assert admin.sync(one, "r").status_code == 202
        assert read_job(admin, one) == ("RUNNING", 0)
        await wait_for(lambda: count_rows(glean, "fulltext") == MANY)
        clock.advance(MANY - 1)
        assert read_job(admin, one) == ("RUNNING", MANY - 1)
        assert admin.search_document_ids("ordinary") == []
        clock.advance(1)
        assert read_job(admin, one) == ("SUCCEEDED", MANY)


def test_an_upload_of_many_documents_is_served_batch_by_batch_and_its_status_says_so(
    path: Path, clock: HandDrivenClock
) -> None:
    with open_process(path, clock) as glean, IndexingClient(glean) as client:
        client.create_datasource()
        client.load("u1", [wiki.document(number) for number in range(MANY)])
        clock.advance(60)
        seen = [(client.upload_states()["u1"], client.indexed()) for _ in range(5)]
        assert {state for state, _ in seen} == {"UPLOAD COMPLETED"}
        numbers = [number for _, number in seen]
        assert numbers == sorted(numbers)
        assert 0 < numbers[-1] < MANY
    with open_process(path, clock) as glean, IndexingClient(glean) as client:
        assert len(glean.sandbox.documents(NAME)) == MANY
        assert (client.upload_states()["u1"], client.indexed()) == ("INDEXING COMPLETED", MANY)
        changed = [wiki.document(number, text="later words") for number in range(MANY)]
        client.load("u2", changed)
        clock.advance(60)
        while client.upload_states()["u2"] != "INDEXING COMPLETED":
            assert client.indexed() == MANY  # each later document takes the place of its former one
        assert len(glean.sandbox.search("later", datasource=NAME, limit=MANY)) == MANY
        assert (count_rows(glean, "document"), count_rows(glean, "fulltext")) == (MANY, MANY)
        counts = client.status()["documents"]["counts"]
        assert counts["uploaded"] == counts["indexed"]


@pytest.mark.parametrize("unchecked", [True, False])
def test_many_documents_that_an_upload_lacks_are_deleted_batch_by_batch(
    path: Path, clock: HandDrivenClock, unchecked: bool
) -> None:
    with open_process(path, clock) as glean, IndexingClient(glean) as client:
        client.create_datasource()
        client.load("u1", [wiki.document(number) for number in range(MANY)])
        clock.advance(60)
        assert len(glean.sandbox.documents(NAME)) == MANY
        client.load("u2", [wiki.document(0)], disableStaleDocumentDeletionCheck=unchecked)
        clock.advance(60)
        if not unchecked:
            while client.upload_states()["u2"] != "DELETION PAUSED":
                assert client.indexed() == MANY
            clock.advance(7 * 86_400)
        numbers = [client.indexed()]
    while numbers[-1] != 1:
        with open_process(path, clock) as glean, IndexingClient(glean) as client:
            numbers.append(client.indexed())
    falls = [former - later for former, later in pairwise(numbers)]
    assert max(falls) == BATCH
    with open_process(path, clock) as glean:
        assert [each["id"] for each in glean.sandbox.documents(NAME)] == ["p0"]
        for table in ("document", "fulltext", "served"):
            assert count_rows(glean, table) == 1
        assert count_rows(glean, "stale") == 0


def test_a_job_that_another_process_finished_meanwhile_has_no_step(
    path: Path, clock: HandDrivenClock
) -> None:
    with open_process(path, clock) as glean, AdminClient(glean) as admin:
        one = admin.create_datasource()
        job = admin.load(one, "r", [document(1)])
        clock.advance(60)
        assert read_job(admin, one) == ("SUCCEEDED", 1)
        with glean.state.database.write() as connection:
            assert index_batch(connection, 10**6, BATCH) == 0
            assert advance_sync_job(glean.state, connection, job, BATCH) == 0


def test_a_run_without_documents_leaves_none_to_delete(path: Path, clock: HandDrivenClock) -> None:
    with open_process(path, clock) as glean, AdminClient(glean) as admin:
        one = admin.create_datasource()
        assert admin.upload(one, "empty", []).status_code == 200
        assert admin.delete(f"{one}/uploads/empty").status_code == 204
        assert (count_rows(glean, "upload"), count_rows(glean, "garbage")) == (0, 0)
