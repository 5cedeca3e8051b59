"""`/approvals` where nobody proves who they are, and where nothing may be changed."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anyio
import httpx
import pytest

from domain.errors import (
    CleanupFailedError,
    ConfirmationRequiredError,
    PlatformDeniedError,
    PlatformUnavailableError,
    QuotaExceededError,
    RateLimitedError,
    SettingsError,
    StoreFailedError,
    UnknownDatasetError,
)
from domain.model.enums import Stage
from domain.model.principal import Principal
from domain.ports import AuditQuery
from server.composition.lazy_services import LazyServices
from server.mcp_server.server import build_server
from server.web.approvals_api.answers import error_response, json_response, status_code_for
from server.web.http import open_listening_socket, serve_http
from tests.support.content.hostile_text import HOSTILE, unprintable_fields, unprintable_output
from tests.support.world import Process, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.errors import LifecycleError
    from domain.ports import UnitOfWork
    from tools.services import Services


@asynccontextmanager
async def serve(
    folder: Path, *, read_only: bool = False, principal: Principal | None = None
) -> AsyncIterator[tuple[httpx.AsyncClient, Process]]:
    """A client of a server on the loopback interface."""
    async with open_world(folder) as place, place.open_process() as process:

        @asynccontextmanager
        async def services() -> AsyncIterator[Services]:
            yield process.services

        stop = anyio.Event()
        door = open_listening_socket("127.0.0.1", 0)
        async with LazyServices(services) as opening, anyio.create_task_group() as tasks:
            server = build_server(opening.get_services, version="1", read_only=read_only, principal=principal)
            tasks.start_soon(serve_http, server, server.edge, opening, door, stop)
            address = f"http://127.0.0.1:{door.getsockname()[1]}"
            async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
                yield client, process
            stop.set()


async def file_request(process: Process) -> tuple[str, str]:
    """A request, and the name that approves it."""
    await process.add_client_and_journey(stage=Stage.PILOT)
    made = await process.provision(stage=Stage.PILOT)
    await process.complete_journey()
    with pytest.raises(ConfirmationRequiredError) as caught:
        await process.tear_down(made, principal=Principal(subject="agent:somebody"))
    return caught.value.facts["approval_id"], made.name


def error(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert "www-authenticate" not in answer.headers
    found: dict[str, Any] = answer.json()["error"]
    return found


async def test_without_identity_a_caller_looks_and_a_person_answers_on_a_terminal(tmp_path: Path) -> None:
    async with serve(tmp_path) as (client, process):
        approval_id, name = await file_request(process)
        assert (await client.get("/approvals")).json()["items"][0]["approval_id"] == approval_id
        assert (await client.get(f"/approvals/{approval_id}")).json()["state"] == "open"
        for body in ({"decision": "approve", "name": name}, {"decision": "decline"}):
            found = error(await client.post(f"/approvals/{approval_id}", json=body), 403)
            audit_id = found.pop("audit_id")
            assert audit_id.startswith("au-")
            assert found == {
                "code": "forbidden",
                "message": (
                    "Only a person with the scope for it answers approval requests; "
                    "an agent's answer does not count."
                ),
                "recovery": "needs_human",
                "suggested_action": "Ask the operator: a person answers it on a terminal.",
            }
        assert (await client.get(f"/approvals/{approval_id}")).json()["state"] == "open"


@pytest.mark.parametrize(
    ("headers", "status"), [({"host": "evil.example.com"}, 421), ({"origin": "http://evil.example.com"}, 403)]
)
async def test_a_page_that_a_browser_was_led_to_reads_nothing(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    async with serve(tmp_path) as (client, _):
        assert error(await client.get("/approvals", headers=headers), status)["code"] == "forbidden"


async def test_a_read_only_server_shows_and_takes_no_word(tmp_path: Path) -> None:
    person = Principal(subject="lee")
    async with serve(tmp_path, read_only=True, principal=person) as (client, process):
        approval_id, name = await file_request(process)
        assert (await client.get("/approvals")).json()["count"] == 1
        for body in ({"decision": "approve", "name": name}, {"decision": "decline"}, {}):
            found = error(await client.post(f"/approvals/{approval_id}", json=body), 403)
            assert found["code"] == "read_only"
        assert (await client.get(f"/approvals/{approval_id}")).json()["state"] == "open"


async def test_a_call_is_on_record_whatever_becomes_of_it(tmp_path: Path) -> None:
    person = Principal(subject="lee")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with serve(tmp_path, principal=person) as (client, process):
        approval_id, name = await file_request(process)
        path = f"/approvals/{approval_id}"
        headers = {"user-agent": "a page", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        refused = await client.post(path, json={"decision": "approve", "name": "x"}, headers=headers)
        await client.post(path, json={"decision": "decline", "note": "no"}, headers=headers)
        await client.post(path, json={"decision": "approve", "name": name}, headers=headers)
        await client.get("/approvals", headers=headers)
        rows = await process.deps.store.read(entries)
        told = [each for each in rows if each.get("principal") == "lee"]
        assert {each["trace_id"] for each in told} == {trace}
        assert {each["client"] for each in told} == {"a page"}
        assert [(each["verb"], each["decision"]) for each in told] == [
            ("approvals approve", "refused"),
            ("approvals decline", "refused"),
            ("approvals approve", "allowed"),
            ("approvals list", "allowed"),
        ]
        assert told[0]["audit_id"] == error(refused, 400)["audit_id"]
        assert told[1]["arguments"] == {
            "approval_id": approval_id,
            "decision": "decline",
            "note": "[withheld]",
        }


def entries(uow: UnitOfWork) -> list[dict[str, Any]]:
    return [json.loads(each.document) for each in reversed(uow.audit.find(AuditQuery(limit=100)))]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (UnknownDatasetError("none"), 404),
        (SettingsError("wrong"), 500),
        (RateLimitedError("too often", retry_after_s=0.2), 429),
        (QuotaExceededError("too much"), 409),
        (PlatformUnavailableError("away"), 503),
        (PlatformDeniedError("no"), 502),
        (StoreFailedError("broken"), 503),
        (CleanupFailedError("left"), 500),
    ],
)
def test_each_kind_of_error_has_its_status(given: LifecycleError, status: int) -> None:
    assert status_code_for(given) == status
    answer = error_response(given)
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == ("1" if given.retry_after_s else None)


async def test_no_page_answers_more_than_printable_text(tmp_path: Path) -> None:
    async with serve(tmp_path) as (client, process):
        approval_id, _ = await file_request(process)
        path = f"/approvals/{quote(HOSTILE, safe='')}"
        answers = [
            await client.get("/approvals"),
            await client.get(f"/approvals/{approval_id}"),
            await client.get(path),
            await client.post(path, json={"decision": "approve", "name": HOSTILE, HOSTILE: HOSTILE}),
            await client.post(f"/approvals/{approval_id}", json={"decision": HOSTILE}),
        ]

        for each in answers:
            assert unprintable_fields(each.json()) == {}
            assert unprintable_output(each.content) == set()


def test_a_request_of_an_earlier_release_is_shown_as_printable_text() -> None:
    answered = json_response({"shown": {"dataset": HOSTILE}, "phrase": HOSTILE})
    assert unprintable_output(bytes(answered.body)) == set()
    refused = error_response(CleanupFailedError(HOSTILE, step=HOSTILE))
    assert unprintable_output(bytes(refused.body)) == set()
