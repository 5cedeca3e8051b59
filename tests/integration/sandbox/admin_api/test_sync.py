from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.support.glean.admin_client import AdminClient, HandDrivenClock, document, error_of
from tests.support.sandbox.control import Sandbox

if TYPE_CHECKING:
    from tests.support.sandbox.embedded import EmbeddedSandbox

NAME = "ACME-Sandbox-Confluence"


def test_progress_follows_the_clock(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    glean.sandbox.set_indexing_rate(10)
    one = admin_client.create_datasource()
    job = admin_client.load(one, "r", [document(number) for number in range(100)])
    seen = []
    for _ in range(4):
        answer = admin_client.get(f"{one}/sync/{job}").json()
        seen.append((answer["status"], answer["documentsIndexed"], answer["documentsTotal"]))
        clock.advance(3.5)
    assert seen == [("RUNNING", 0, 100), ("RUNNING", 35, 100), ("RUNNING", 70, 100), ("SUCCEEDED", 100, 100)]
    assert admin_client.get(f"{one}/sync/{job}").json() == {
        "job_id": job,
        "uploadId": "r",
        "status": "SUCCEEDED",
        "documentsTotal": 100,
        "documentsIndexed": 100,
        "startedAt": "2026-03-01T12:00:00.000Z",
        "finishedAt": "2026-03-01T12:00:10.000Z",
    }


def test_a_clock_that_goes_back_shows_no_progress(admin_client: AdminClient, clock: HandDrivenClock) -> None:
    one = admin_client.create_datasource()
    job = admin_client.load(one, "r", [document(1)])
    clock.advance(-60)
    assert admin_client.get(f"{one}/sync/{job}").json()["documentsIndexed"] == 0


def test_a_full_sync_serves_exactly_its_run(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource()
    admin_client.load(one, "r1", [document(1, text="old"), document(2, text="old")])
    clock.advance(1)
    assert admin_client.search_document_ids("old") == ["page-1", "page-2"]
    admin_client.load(one, "r2", [document(2, text="new"), document(3, text="new")])
    assert admin_client.search_document_ids("old") == ["page-1", "page-2"]
    clock.advance(1)
    assert (admin_client.search_document_ids("old"), admin_client.search_document_ids("new")) == (
        [],
        ["page-2", "page-3"],
    )
    assert glean.sandbox.documents(NAME) == [document(2, text="new"), document(3, text="new")]


def test_an_incremental_sync_merges(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource()
    admin_client.load(one, "r1", [document(1, text="old"), document(2, text="old")])
    clock.advance(1)
    admin_client.load(one, "r2", [document(2, text="new"), document(3, text="new")], incremental=True)
    clock.advance(1)
    assert (admin_client.search_document_ids("old"), admin_client.search_document_ids("new")) == (
        ["page-1"],
        ["page-2", "page-3"],
    )
    admin_client.load(one, "r3", [document(4)])
    clock.advance(1)
    assert glean.sandbox.documents(NAME) == [document(4)]


def test_a_full_sync_of_an_empty_run_serves_nothing(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource()
    admin_client.load(one, "r1", [document(1)])
    clock.advance(1)
    admin_client.load(one, "r2", [])
    clock.advance(1)
    assert glean.sandbox.documents(NAME) == []
    assert admin_client.get(f"{one}/health").json()["status"] == "HEALTHY"


def test_the_same_run_has_the_same_job(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource()
    job = admin_client.load(one, "r", [document(1)])
    assert admin_client.sync(one, "r").json() == {"job_id": job, "status": "RUNNING"}
    clock.advance(1)
    assert admin_client.sync(one, "r").json() == {"job_id": job, "status": "SUCCEEDED"}
    started = [entry.detail["job"] for entry in glean.sandbox.ledger() if entry.operation == "sync.start"]
    assert started == ["new", "repeated", "repeated"]
    assert len(glean.sandbox.sync_jobs(NAME)) == 1


def test_one_sync_at_a_time(admin_client: AdminClient, clock: HandDrivenClock) -> None:
    one = admin_client.create_datasource()
    admin_client.load(one, "r1", [document(1)])
    admin_client.upload(one, "r2", [document(2)])
    assert error_of(admin_client.sync(one, "r2")) == (409, "sync_running", [])
    clock.advance(1)
    assert admin_client.sync(one, "r2").status_code == 202


def test_a_sync_needs_authentication_and_a_run(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    made = glean.sandbox.create_foreign_datasource("Foreign")
    one = f"/datasources/{made['id']}"
    admin_client.upload(one, "r", [document(1)])
    assert error_of(admin_client.sync(one, "r")) == (422, "invalid", ["authConfig"])
    assert error_of(admin_client.sync(admin_client.create_datasource(), "never-uploaded")) == (
        422,
        "invalid",
        ["uploadId"],
    )
    assert error_of(admin_client.sync(admin_client.create_datasource("B"), "../x")) == (
        422,
        "invalid",
        ["uploadId"],
    )


def test_a_stopped_sync_leaves_what_was_served(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    glean.sandbox.set_indexing_rate(10)
    one = admin_client.create_datasource()
    admin_client.load(one, "r1", [document(1, text="old")])
    clock.advance(1)
    job = admin_client.load(one, "r2", [document(number, text="new") for number in range(20)])
    clock.advance(1)
    assert admin_client.post(f"{one}/sync/stop").json() == {"stopped": [job]}
    assert admin_client.post(f"{one}/sync/stop").json() == {"stopped": []}
    clock.advance(60)
    stopped = admin_client.get(f"{one}/sync/{job}").json()
    assert (stopped["status"], stopped["documentsIndexed"], stopped["finishedAt"]) == (
        "STOPPED",
        10,
        "2026-03-01T12:00:02.000Z",
    )
    assert (admin_client.search_document_ids("old"), admin_client.search_document_ids("new")) == (
        ["page-1"],
        [],
    )
    again = admin_client.sync(one, "r2").json()
    assert again["job_id"] != job
    clock.advance(60)
    assert (admin_client.search_document_ids("old"), len(admin_client.search_document_ids("new"))) == ([], 20)


def test_a_sync_that_is_over_by_the_clock_cannot_be_stopped(
    admin_client: AdminClient, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource()
    admin_client.load(one, "r", [document(1)])
    clock.advance(1)
    assert admin_client.post(f"{one}/sync/stop").json() == {"stopped": []}
    assert admin_client.search_document_ids("ordinary") == ["page-1"]


def test_a_job_of_another_datasource_is_unknown(admin_client: AdminClient) -> None:
    job = admin_client.load(admin_client.create_datasource("A"), "r", [document(1)])
    assert error_of(admin_client.get(f"{admin_client.create_datasource('B')}/sync/{job}")) == (
        404,
        "not_found",
        [],
    )


def test_many_readers_at_once_finish_a_job_once(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource()
    for first in range(0, 5000, 1000):
        admin_client.upload(one, "r", [document(number) for number in range(first, first + 1000)])
    admin_client.sync(one, "r")
    clock.advance(60)
    path = glean.sandbox.world.database.path
    others = [Sandbox.open(path, now=clock) for _ in range(3)]
    with ThreadPoolExecutor(8) as threads:
        looks = [threads.submit(admin_client.get, f"{one}/health") for _ in range(4)]
        looks += [threads.submit(admin_client.get, one) for _ in range(4)]
        direct = [threads.submit(other.search, "ordinary") for other in others]
        assert {look.result().json()["documentCount"] for look in looks} <= {0, 5000}
        assert {len(found.result()) for found in direct} == {100}
    for other in others:
        other.close()
    with glean.sandbox.world.database.read() as connection:
        for table in ("document", "served", "fulltext"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 5000  # noqa: S608


def test_a_deleted_datasource_leaves_nothing_behind(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource()
    admin_client.load(one, "r", [document(1)])
    clock.advance(1)
    admin_client.upload(one, "r2", [document(2)])
    assert admin_client.search_document_ids("ordinary") == ["page-1"]
    admin_client.delete(one)
    assert admin_client.search_document_ids("ordinary") == []
    with glean.sandbox.world.database.read() as connection:
        for table in ("datasource", "upload", "job", "document", "served", "fulltext"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0  # noqa: S608


def test_a_clock_that_is_set_back_holds_up_no_sync(admin_client: AdminClient, clock: HandDrivenClock) -> None:
    one = admin_client.create_datasource()
    job = admin_client.load(one, "r", [document(1)])
    clock.advance(-86_400)
    ended = admin_client.get(f"{one}/sync/{job}").json()
    assert ended["status"] == "SUCCEEDED"
    assert ended["finishedAt"] < ended["startedAt"]
    assert admin_client.search_document_ids("ordinary") == ["page-1"]
