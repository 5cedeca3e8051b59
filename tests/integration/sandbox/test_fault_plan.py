from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import httpx
import pytest

from tests.support.glean.admin_client import AdminClient, document, error_of
from tests.support.sandbox.control import Sandbox
from tests.support.sandbox.example_configs import EXAMPLE_CONFIGS
from tests.support.sandbox.faults import Fault, StateFaultKind, TransportFaultKind

if TYPE_CHECKING:
    from tests.support.glean.admin_client import HandDrivenClock
    from tests.support.sandbox.embedded import EmbeddedSandbox

BODY = {"name": "A", "connector": "confluence", "config": EXAMPLE_CONFIGS["confluence"]}
CREATE = "datasources.create"


def names(glean: EmbeddedSandbox) -> list[str]:
    return [each["name"] for each in glean.sandbox.datasources()]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "unauthenticated"),
        (403, "permission_denied"),
        (404, "not_found"),
        (409, "already_exists"),
        (413, "too_large"),
        (418, "internal"),
        (429, "rate_limited"),
        (500, "internal"),
        (502, "internal"),
        (503, "unavailable"),
    ],
)
def test_an_error_answer_in_the_apis_shape(
    admin_client: AdminClient, glean: EmbeddedSandbox, status: int, code: str
) -> None:
    glean.sandbox.faults.add(Fault(kind="status", operation=CREATE, status=status))
    assert error_of(admin_client.post("/datasources", json=BODY)) == (status, code, [])
    assert names(glean) == []
    assert admin_client.post("/datasources", json=BODY).status_code == 201
    assert glean.sandbox.request_counts() == {(CREATE, status): 1, (CREATE, 201): 1}


def test_an_error_answer_names_fields(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    details = ({"field": "config.baseUrl", "problem": "unreachable"},)
    glean.sandbox.faults.add(Fault(kind="status", status=422, details=details))
    assert error_of(admin_client.post("/datasources", json=BODY)) == (422, "invalid", ["config.baseUrl"])


@pytest.mark.parametrize(
    ("changes", "content_type", "body"),
    [
        ({"body": "html"}, "text/html; charset=utf-8", b"<!doctype html>"),
        ({"body": "plain", "message": "nobody home"}, "text/plain; charset=utf-8", b"nobody home"),
        ({"body": "empty"}, None, b""),
        ({"content": b"\xff\x00raw"}, "application/json", b"\xff\x00raw"),
    ],
)
def test_an_error_answer_in_another_shape(
    admin_client: AdminClient,
    glean: EmbeddedSandbox,
    changes: dict[str, Any],
    content_type: str | None,
    body: bytes,
) -> None:
    glean.sandbox.faults.add(Fault(kind="status", status=404, **changes))
    answer = admin_client.get("/tenant")
    assert (answer.status_code, answer.headers.get("content-type")) == (404, content_type)
    assert answer.content.startswith(body)


@pytest.mark.parametrize("retry_after", [None, 7, "Sun, 01 Mar 2026 12:00:30 GMT", "soon"])
def test_retry_after_is_sent_as_scripted(
    admin_client: AdminClient, glean: EmbeddedSandbox, retry_after: int | str | None
) -> None:
    glean.sandbox.faults.add(Fault(kind="status", status=429, retry_after=retry_after))
    answer = admin_client.get("/tenant")
    assert answer.headers.get("Retry-After") == (None if retry_after is None else str(retry_after))


def test_broken_json_and_a_web_page_come_as_200(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    glean.sandbox.faults.add(Fault(kind="garbage"))
    glean.sandbox.faults.add(Fault(kind="html"))
    garbage, html = admin_client.get("/tenant"), admin_client.get("/tenant")
    assert (garbage.status_code, html.status_code) == (200, 200)
    with pytest.raises(json.JSONDecodeError):
        garbage.json()
    assert html.headers["content-type"].startswith("text/html")


def test_an_unbounded_answer_goes_on_until_the_client_leaves(
    admin_client: AdminClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.faults.add(Fault(kind="unbounded"))
    size = 0
    with admin_client.stream("GET", "/tenant") as answer:
        for chunk in answer.iter_bytes():
            size += len(chunk)
            if size > 8_000_000:
                break
    assert size > 8_000_000
    assert admin_client.get("/tenant").status_code == 200


def test_a_long_answer_has_an_end(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    glean.sandbox.faults.add(Fault(kind="unbounded", size=300_000))
    assert len(admin_client.get("/tenant").content) == 300_000


@pytest.mark.parametrize(("kind", "made"), [("drop_before", []), ("drop_after", ["A"])])
def test_a_dropped_connection_before_and_after_the_effect(
    admin_client: AdminClient, glean: EmbeddedSandbox, kind: TransportFaultKind, made: list[str]
) -> None:
    glean.sandbox.faults.add(Fault(kind=kind, operation=CREATE))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        admin_client.post("/datasources", json=BODY)
    assert names(glean) == made
    assert [entry.datasource for entry in glean.sandbox.ledger()] == made
    assert glean.sandbox.request_counts() == {(CREATE, 0): 1}


@pytest.mark.parametrize(("applied", "made"), [(None, []), (True, ["A"])])
def test_a_request_that_is_never_answered(
    admin_client: AdminClient, glean: EmbeddedSandbox, applied: bool | None, made: list[str]
) -> None:
    glean.sandbox.faults.add(Fault(kind="timeout", applied=applied))
    with pytest.raises(httpx.ReadTimeout):
        admin_client.post("/datasources", json=BODY, timeout=0.1)
    assert names(glean) == made


def test_a_server_stops_though_a_request_is_held(glean: EmbeddedSandbox) -> None:
    glean.sandbox.faults.add(Fault(kind="timeout"))
    with AdminClient(glean) as client, pytest.raises(httpx.ReadTimeout):
        client.get("/tenant", timeout=0.1)
    glean.stop()
    glean.stop()


def test_a_slow_answer_is_the_true_one(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    glean.sandbox.faults.add(Fault(kind="slow", seconds=0.05, times=2))
    assert admin_client.get("/tenant").json()["id"] == glean.sandbox.tenant_id()
    with pytest.raises(httpx.ReadTimeout):
        admin_client.get("/tenant", timeout=0.01)


def test_a_slow_answer_that_nobody_waits_for_is_dropped(
    admin_client: AdminClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.faults.add(Fault(kind="slow", seconds=600))
    with pytest.raises(httpx.ReadTimeout):
        admin_client.post("/datasources", json=BODY, timeout=0.1)
    assert names(glean) == ["A"]


def test_an_error_may_come_after_the_effect(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    glean.sandbox.faults.add(Fault(kind="status", status=500, applied=True))
    assert admin_client.post("/datasources", json=BODY).status_code == 500
    assert names(glean) == ["A"]


def test_a_fault_lets_some_pass_then_takes_some(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    glean.sandbox.faults.add(Fault(kind="status", operation="tenant.get", skip=2, times=2))
    admin_client.get("/datasources")
    assert [admin_client.get("/tenant").status_code for _ in range(6)] == [200, 200, 503, 503, 200, 200]
    (entry,) = glean.sandbox.faults.entries()
    assert (entry.skip_left, entry.times_left, entry.fired, glean.sandbox.faults.fired_count()) == (
        0,
        0,
        2,
        2,
    )


def test_a_fault_for_ever_lasts_until_it_is_cleared(
    admin_client: AdminClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.faults.add(Fault(kind="status", times=None))
    assert [admin_client.get("/tenant").status_code for _ in range(5)] == [503] * 5
    glean.sandbox.faults.clear()
    assert admin_client.get("/tenant").status_code == 200


def test_faults_take_turns_in_their_order(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    for status in (500, 429):
        glean.sandbox.faults.add(Fault(kind="status", status=status))
    assert [admin_client.get("/tenant").status_code for _ in range(3)] == [500, 429, 200]


def test_a_fault_may_be_about_one_datasource(admin_client: AdminClient, glean: EmbeddedSandbox) -> None:
    ours, other = admin_client.create_datasource("Ours"), admin_client.create_datasource("Other")
    glean.sandbox.faults.add(Fault(kind="status", datasource="OURS", times=None))
    search = {"query": "x", "datasource": "ours"}
    assert [
        admin_client.get(other).status_code,
        admin_client.get(ours).status_code,
        admin_client.get("/tenant").status_code,
        admin_client.get("/datasources/unknown").status_code,
        admin_client.post("/search", json=search).status_code,
        admin_client.post("/search", content=b"{").status_code,
        admin_client.post("/search", json=[1]).status_code,
        admin_client.post("/datasources", json={**BODY, "name": "Ours"}).status_code,
    ] == [200, 503, 200, 404, 503, 422, 422, 503]


def test_a_request_without_the_token_spends_no_fault(
    admin_client: AdminClient, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.faults.add(Fault(kind="status"))
    assert admin_client.get("/tenant", headers={"Authorization": ""}).status_code == 401
    assert admin_client.get("/tenant").status_code == 503


def test_a_fault_scripted_through_another_connection_is_seen(
    admin_client: AdminClient, glean: EmbeddedSandbox
) -> None:
    with Sandbox.open(glean.sandbox.world.database.path) as beside:
        beside.faults.add(Fault(kind="status", content=b"\x00\xff"))
    assert admin_client.get("/tenant").content == b"\x00\xff"


def test_every_kind_of_fault_is_described() -> None:
    described = Fault.__doc__ or ""
    kinds = get_args(TransportFaultKind) + get_args(StateFaultKind)
    assert [each for each in kinds if f"`{each}`" not in described] == []


@pytest.mark.parametrize("changes", [{"operation": "tenant.got"}, {"skip": -1}, {"times": 0}])
def test_a_fault_that_could_never_fire_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"operation|skip"):
        Fault(kind="status", **changes)


def test_requests_beyond_the_limit_are_throttled(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    glean.sandbox.limit_requests(2, retry_after=1)
    assert [admin_client.get("/tenant").status_code for _ in range(3)] == [200, 200, 429]
    clock.advance(0.5)
    throttled = [admin_client.get("/tenant") for _ in range(2)]
    assert [each.status_code for each in throttled] == [200, 429]
    assert throttled[1].headers["Retry-After"] == "1"
    glean.sandbox.limit_requests(0.5)
    answers = [admin_client.get("/tenant") for _ in range(2)]
    assert ([each.status_code for each in answers], answers[1].headers.get("Retry-After")) == (
        [200, 429],
        None,
    )
    glean.sandbox.limit_requests(None)
    assert admin_client.get("/tenant").status_code == 200
    glean.sandbox.faults.add(Fault(kind="status"))
    assert admin_client.get("/tenant").status_code == 503


def test_a_sync_that_hangs_never_ends_but_can_be_stopped(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    glean.sandbox.faults.add(Fault(kind="sync_hangs"))
    one = admin_client.create_datasource()
    job = admin_client.load(one, "r", [document(number) for number in range(10)])
    clock.advance(86_400)
    assert admin_client.get(f"{one}/sync/{job}").json()["status"] == "RUNNING"
    assert admin_client.get(f"{one}/sync/{job}").json()["documentsIndexed"] == 5
    assert admin_client.get(f"{one}/health").json()["status"] == "SYNCING"
    assert admin_client.post(f"{one}/sync/stop").json() == {"stopped": [job]}
    admin_client.sync(one, "r")
    clock.advance(1)
    assert len(admin_client.search_document_ids("ordinary")) == 10


@pytest.mark.parametrize(("lost", "served"), [(3, 7), (10, 0), (99, 0)])
def test_a_sync_that_loses_documents_succeeds_with_fewer(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock, lost: int, served: int
) -> None:
    glean.sandbox.faults.add(Fault(kind="sync_loses", documents=lost))
    one = admin_client.create_datasource()
    job = admin_client.load(one, "r", [document(number) for number in range(10)])
    clock.advance(1)
    ended = admin_client.get(f"{one}/sync/{job}").json()
    assert (ended["status"], ended["documentsTotal"], ended["documentsIndexed"]) == ("SUCCEEDED", 10, served)
    assert (
        len(admin_client.search_document_ids("ordinary"))
        == admin_client.get(one).json()["documentCount"]
        == served
    )
    admin_client.load(one, "r2", [document(1)])
    clock.advance(1)
    assert admin_client.search_document_ids("ordinary") == ["page-1"]
    with glean.sandbox.world.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM document").fetchone()[0] == 1


def test_a_sync_that_fails_leaves_what_was_served(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource()
    admin_client.load(one, "r1", [document(1)])
    clock.advance(1)
    glean.sandbox.faults.add(Fault(kind="sync_fails", message="quota of the index", datasource="Another"))
    glean.sandbox.faults.add(Fault(kind="sync_fails", message="disk of the index"))
    job = admin_client.load(one, "r2", [document(2)])
    clock.advance(1)
    ended = admin_client.get(f"{one}/sync/{job}").json()
    assert (ended["status"], ended["error"], ended["documentsIndexed"]) == ("FAILED", "disk of the index", 0)
    assert admin_client.search_document_ids("ordinary") == ["page-1"]
    assert admin_client.get(f"{one}/health").json() == {
        "status": "UNHEALTHY",
        "message": "the last sync failed: disk of the index",
        "errorCount24h": 1,
        "documentCount": 1,
        "lastSuccessfulSync": "2026-03-01T12:00:00.050Z",
        "freshnessSeconds": 1,
    }
    admin_client.load(one, "r3", [document(3)])
    clock.advance(86_401)
    health = admin_client.get(f"{one}/health").json()
    assert (health["status"], health["errorCount24h"], health["freshnessSeconds"]) == ("HEALTHY", 0, 86_400)


def test_a_connector_turns_unhealthy_until_it_is_cleared(
    admin_client: AdminClient, glean: EmbeddedSandbox, clock: HandDrivenClock
) -> None:
    one = admin_client.create_datasource("A")
    other = admin_client.create_datasource("B")
    admin_client.load(one, "r", [document(1)])
    clock.advance(1)
    glean.sandbox.faults.add(Fault(kind="unhealthy", datasource="a", skip=1, message="token expired"))
    looks = [admin_client.get(f"{one}/health").json() for _ in range(3)]
    assert [(look["status"], look.get("message")) for look in looks] == [
        ("HEALTHY", None),
        ("UNHEALTHY", "token expired"),
        ("UNHEALTHY", "token expired"),
    ]
    assert admin_client.get(one).json()["status"] == "UNHEALTHY"
    assert admin_client.get(f"{other}/health").json() == {
        "status": "PENDING",
        "errorCount24h": 0,
        "documentCount": 0,
    }
    glean.sandbox.faults.clear()
    assert admin_client.get(f"{one}/health").json()["status"] == "HEALTHY"


def test_a_running_job_is_named_by_health(admin_client: AdminClient) -> None:
    one = admin_client.create_datasource()
    job = admin_client.load(one, "r", [document(1)])
    assert admin_client.get(f"{one}/health").json() == {
        "status": "SYNCING",
        "errorCount24h": 0,
        "documentCount": 0,
        "runningJob": job,
    }
