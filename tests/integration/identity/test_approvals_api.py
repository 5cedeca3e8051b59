"""`/approvals` over real HTTP: who sees what waits, and whose word counts."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest

from domain.errors import ConfirmationRequiredError, InternalError
from domain.governance.orphan_facts import SweepPlan
from domain.model.enums import DatasetType, Stage, TeardownReason
from domain.model.principal import Principal
from server.web.auth.jwks import PAUSE_S
from tests.integration.identity.conftest import identity_settings, open_guarded_server
from tests.support.servers.plain_http import NO_AUTHORITIES
from tests.support.servers.token_issuer import publish_keys
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.model.dataset import Dataset
    from tests.integration.identity.conftest import GuardedServer
    from tests.support.servers.token_issuer import TokenIssuer

METADATA = 'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"'
APPROVER = {"sub": "lee", "scope": "datasets:read datasets:approve"}
KIM = Principal(subject="kim", clients=frozenset({"acme"}))


async def send_request(
    server: GuardedServer,
    path: str,
    token: str | None,
    body: object = None,
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    """GET, or with a body POST; one of bytes goes as it is."""
    given = {"content-type": "application/json"} | (headers or {})
    if token is not None:
        given["authorization"] = f"Bearer {token}"
    async with httpx2.AsyncClient(verify=NO_AUTHORITIES, trust_env=False) as client:
        if body is None:
            return await client.get(f"{server.address}{path}", headers=given)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await client.post(f"{server.address}{path}", content=content, headers=given)


def error(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The error that it carries under that status; what it went on record as is taken off."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    found: dict[str, Any] = answer.json()["error"]
    assert {"code", "message", "recovery"} <= set(found)
    found.pop("audit_id", None)
    return found


async def file_request(server: GuardedServer, requester: Principal = KIM) -> tuple[Dataset, str]:
    """A dataset at pilot that its journey needs no longer, and the request to take it down."""
    await server.process.add_client_and_journey(stage=Stage.PILOT)
    made = await server.process.provision(stage=Stage.PILOT)
    await server.process.complete_journey()
    made = await server.process.load_dataset(made.dataset_id)
    return made, await request_approval(server, made, requester)


async def request_approval(server: GuardedServer, made: Dataset, requester: Principal = KIM) -> str:
    with pytest.raises(ConfirmationRequiredError) as caught:
        await server.process.tear_down(made, principal=requester)
    approval_id: str = caught.value.facts["approval_id"]
    return approval_id


def yes(made: Dataset) -> dict[str, str]:
    return {"decision": "approve", "name": made.name}


@dataclass
class OpenRequest:
    """A request to take a dataset down, and the server that holds it."""

    server: GuardedServer
    made: Dataset
    approval_id: str

    async def answer(
        self, token: str | None, body: object, headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        return await send_request(self.server, f"/approvals/{self.approval_id}", token, body, headers)

    async def is_open(self) -> bool:
        """Whether nobody's word counted so far."""
        return (await self.server.process.services.approvals.load(self.approval_id, OPERATOR)).state == "open"


@pytest.fixture(scope="module")
async def open_request(
    tmp_path_factory: pytest.TempPathFactory, issuer_keys: TokenIssuer
) -> AsyncIterator[OpenRequest]:
    """One for every test of a word that does not count: each leaves it as it was."""
    folder = tmp_path_factory.mktemp("open_request")
    async with open_guarded_server(folder, identity_settings(issuer_keys)) as server:
        made, approval_id = await file_request(server)
        yield OpenRequest(server, made, approval_id)


async def test_from_the_request_to_the_archive(guarded_server: GuardedServer, issuer: TokenIssuer) -> None:
    made, approval_id = await file_request(guarded_server)
    reads, approves = issuer.token(scope="datasets:read"), issuer.token(**APPROVER)
    listed = await send_request(guarded_server, "/approvals", reads)
    assert listed.status_code == 200
    assert listed.headers["cache-control"] == "no-store"
    (item,) = listed.json()["items"]
    assert listed.json()["count"] == 1
    assert (item["approval_id"], item["state"], item["phrase"]) == (approval_id, "open", made.name)
    assert item["shown"]["record_count"] == 30
    shown = await send_request(guarded_server, f"/approvals/{approval_id}", reads)
    assert shown.json() == item

    answered = await send_request(guarded_server, f"/approvals/{approval_id}", approves, yes(made))
    assert answered.status_code == 200
    assert answered.json() == item | {
        "state": "approved",
        "answered_by": "lee",
        "answered_at": answered.json()["answered_at"],
        "grant_expires_at": answered.json()["grant_expires_at"],
    }
    wanted = {"dataset_id": made.dataset_id, "reason": "journey_completed"}
    assert (await guarded_server.call_ok(issuer.token(), "teardown_dataset", **wanted))[
        "status"
    ] == "archived"
    used = error(await send_request(guarded_server, f"/approvals/{approval_id}", approves, yes(made)), 409)
    assert (used["code"], used["message"]) == (
        "approval_closed",
        f"The request {approval_id} was approved and used.",
    )
    assert (await send_request(guarded_server, "/approvals", reads)).json() == {"items": [], "count": 0}


async def test_what_is_declined_stays(guarded_server: GuardedServer, issuer: TokenIssuer) -> None:
    made, approval_id = await file_request(guarded_server)
    answered = await send_request(
        guarded_server, f"/approvals/{approval_id}", issuer.token(**APPROVER), {"decision": "decline"}
    )
    assert (answered.status_code, answered.json()["state"]) == (200, "declined")
    found = error(
        await send_request(guarded_server, f"/approvals/{approval_id}", issuer.token(**APPROVER), yes(made)),
        409,
    )
    assert found["message"] == f"The request {approval_id} was declined."
    wanted = {"dataset_id": made.dataset_id, "reason": "journey_completed"}
    assert (await guarded_server.call_refused(issuer.token(), "teardown_dataset", **wanted))[
        "code"
    ] == "declined"
    assert await guarded_server.process.load_dataset(made.dataset_id) == made


@pytest.mark.parametrize(
    "claims",
    [
        None,
        {"exp": int(time.time()) - 60},
        {"nbf": int(time.time()) + 3600},
        {"aud": "https://other.example.com/mcp"},
        {"iss": "https://evil.example.com"},
        {"clients": "acme"},
    ],
    ids=["none", "expired", "not yet", "another audience", "another issuer", "malformed"],
)
async def test_without_a_good_token_nothing_is_seen_or_said(
    open_request: OpenRequest, issuer: TokenIssuer, claims: dict[str, Any] | None
) -> None:
    made, approval_id = open_request.made, open_request.approval_id
    token = None if claims is None else issuer.token(**APPROVER | claims)
    for path, body in [
        ("/approvals", None),
        (f"/approvals/{approval_id}", None),
        (f"/approvals/{approval_id}", yes(made)),
        ("/approvals/ap-nothing", yes(made)),
    ]:
        answer = await send_request(open_request.server, path, token, body)
        assert error(answer, 401) == {
            "code": "forbidden",
            "message": "This request carries no valid bearer token.",
            "recovery": "needs_human",
            "suggested_action": "Call with a valid bearer token of your own.",
        }
        assert answer.headers["www-authenticate"] == (
            f'Bearer error="invalid_token", error_description="Authentication required", {METADATA}'
        )
    assert await open_request.is_open()


async def test_each_page_asks_for_its_scope(guarded_server: GuardedServer, issuer: TokenIssuer) -> None:
    made, approval_id = await file_request(guarded_server)
    for scope, needed, path, body in [
        ("datasets:approve", "datasets:read", "/approvals", None),
        ("datasets:approve", "datasets:read", f"/approvals/{approval_id}", None),
        ("datasets:read datasets:teardown admin", "datasets:approve", f"/approvals/{approval_id}", yes(made)),
        (
            "datasets:read datasets:approver",
            "datasets:approve",
            f"/approvals/{approval_id}",
            {"decision": "decline"},
        ),
    ]:
        answer = await send_request(guarded_server, path, issuer.token(sub="lee", scope=scope), body)
        found = error(answer, 403)
        assert (found["code"], found["scope"]) == ("forbidden", needed)
        assert answer.headers["www-authenticate"] == (
            f'Bearer error="insufficient_scope", scope="{needed}", {METADATA}'
        )
    only = issuer.token(sub="lee", scope="datasets:approve")
    assert (
        await send_request(guarded_server, f"/approvals/{approval_id}", only, yes(made))
    ).status_code == 200


@pytest.mark.parametrize("decision", ["approve", "decline"])
async def test_an_agent_that_acts_for_somebody_answers_nothing(
    open_request: OpenRequest, issuer: TokenIssuer, decision: str
) -> None:
    token = issuer.token(**APPROVER, act={"sub": "journey-agent"})
    answer = await open_request.answer(token, yes(open_request.made) | {"decision": decision})
    assert error(answer, 403) == {
        "code": "forbidden",
        "message": (
            f"Only a person may use approvals {decision}; this token belongs to an agent that acts for somebody."
        ),
        "recovery": "needs_human",
        "suggested_action": "Have a person do it, with a token of their own or at a terminal.",
        "scope": "datasets:approve",
    }
    assert "www-authenticate" not in answer.headers
    assert await open_request.is_open()


@pytest.mark.parametrize("subject", ["journey-agent", "orchestrator"])
@pytest.mark.parametrize("decision", ["approve", "decline"])
async def test_an_agent_that_acted_in_the_call_does_not_answer_it_with_a_token_of_its_own(
    guarded_server: GuardedServer, issuer: TokenIssuer, subject: str, decision: str
) -> None:
    acting = replace(KIM, actors=("journey-agent", "orchestrator"))
    made, approval_id = await file_request(guarded_server, acting)
    own = issuer.token(**APPROVER | {"sub": subject})
    answer = await send_request(
        guarded_server, f"/approvals/{approval_id}", own, yes(made) | {"decision": decision}
    )
    assert error(answer, 403)["message"].startswith(f"{subject} is an agent: it has acted for somebody else.")
    assert (await guarded_server.process.services.approvals.load(approval_id, OPERATOR)).state == "open"


async def test_an_agent_of_another_call_answers_nothing_either(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    made, approval_id = await file_request(guarded_server)
    acting = issuer.token(**APPROVER, act={"sub": "helper", "act": {"sub": "behind-it"}})
    assert (await send_request(guarded_server, "/approvals", acting)).status_code == 200
    for subject in ("helper", "behind-it"):
        own = issuer.token(**APPROVER | {"sub": subject})
        answer = await send_request(guarded_server, f"/approvals/{approval_id}", own, yes(made))
        assert error(answer, 403)["message"].startswith(f"{subject} is an agent")


async def test_nobody_approves_their_own_whatever_scopes_they_have(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    made, approval_id = await file_request(guarded_server)
    token = issuer.token(scope="datasets:read datasets:teardown datasets:approve admin")
    found = error(await send_request(guarded_server, f"/approvals/{approval_id}", token, yes(made)), 403)
    assert found["message"] == f"kim filed the request {approval_id}, and nobody approves their own request."


async def test_a_request_about_another_client_does_not_exist(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    made, approval_id = await file_request(guarded_server)
    stranger = issuer.token(**APPROVER, clients=["globex"])
    assert (await send_request(guarded_server, "/approvals", stranger)).json() == {"items": [], "count": 0}
    for body in (None, yes(made), {"decision": "decline"}):
        hidden = error(await send_request(guarded_server, f"/approvals/{approval_id}", stranger, body), 404)
        absent = error(await send_request(guarded_server, "/approvals/ap-nothing", stranger, body), 404)
        assert hidden["code"] == "unknown_approval"
        assert {**hidden, "message": ""} == {**absent, "message": ""}
    known = error(
        await send_request(guarded_server, f"/approvals/{approval_id}x", issuer.token(**APPROVER)), 404
    )
    assert known["candidates"] == [approval_id]


async def test_what_has_expired_changed_or_gone_is_closed(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    made, approval_id = await file_request(guarded_server)
    lee = issuer.token(**APPROVER)
    clock = guarded_server.process.world.clock
    clock.ahead = timedelta(minutes=31)
    found = error(await send_request(guarded_server, f"/approvals/{approval_id}", lee, yes(made)), 409)
    assert found["message"] == f"The request {approval_id} has expired."

    again = await request_approval(guarded_server, made)
    assert again != approval_id
    past = clock.now() - timedelta(days=1)
    await guarded_server.process.deps.store.transact(
        lambda uow: uow.datasets.put(made.evolve(protected_until=past))
    )
    found = error(await send_request(guarded_server, f"/approvals/{again}", lee, yes(made)), 409)
    assert (
        found["message"]
        == f"The request {again} is void, because what it is about has changed since it was filed."
    )

    held = await guarded_server.process.load_dataset(made.dataset_id)
    last = await request_approval(guarded_server, held)
    other = Principal(subject="person:ops")
    second = await request_approval(guarded_server, held, other)
    await guarded_server.process.services.approvals.approve(
        second, Principal(subject="person:lee"), made.name
    )
    gone = await guarded_server.process.tear_down(held, principal=other)
    assert not gone.live
    found = error(await send_request(guarded_server, f"/approvals/{last}", lee, yes(made)), 409)
    assert "is void" in found["message"]


async def test_of_two_at_once_one_approves(guarded_server: GuardedServer, issuer: TokenIssuer) -> None:
    made, approval_id = await file_request(guarded_server)
    answers = []

    async def answer(name: str) -> None:
        token = issuer.token(**APPROVER | {"sub": name})
        answers.append(
            (await send_request(guarded_server, f"/approvals/{approval_id}", token, yes(made))).status_code
        )

    async with anyio.create_task_group() as tasks:
        for name in ("lee", "max", "ada", "eve"):
            tasks.start_soon(answer, name)
    assert sorted(answers) == [200, 409, 409, 409]


async def test_a_wrong_name_changes_nothing(guarded_server: GuardedServer, issuer: TokenIssuer) -> None:
    made, approval_id = await file_request(guarded_server)
    lee = issuer.token(**APPROVER)
    for name in (made.name.lower(), f"{made.name} ", "", "yes"):
        found = error(
            await send_request(
                guarded_server, f"/approvals/{approval_id}", lee, {"decision": "approve", "name": name}
            ),
            400,
        )
        assert (found["code"], found["field"]) == ("invalid_argument", "name")
        assert made.name not in found["message"]
    missing = error(
        await send_request(guarded_server, f"/approvals/{approval_id}", lee, {"decision": "approve"}), 400
    )
    assert missing["message"] == "name is required to approve a request: repeat the request's phrase."
    assert (await guarded_server.process.services.approvals.load(approval_id, OPERATOR)).state == "open"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "The body is not JSON."),
        (b"{", 400, "The body is not JSON."),
        (b"\xff\xfe", 400, "The body is not JSON."),
        (b"[" * 60_000, 400, "The body is not JSON."),
        (b'["approve"]', 400, "The body is not a JSON object."),
        (b'"approve"', 400, "The body is not a JSON object."),
        (b"{}", 400, "decision is required."),
        (b'{"decision": "yes"}', 400, "decision: input should be 'approve' or 'decline'."),
        (b'{"decision": true}', 400, "decision: input should be 'approve' or 'decline'."),
        (b'{"decision": ["decline"]}', 400, "decision: input should be 'approve' or 'decline'."),
        (b'{"decision": "approve", "name": 1}', 400, "name: input should be a valid string."),
        (b'{"decision": "decline", "force": true}', 400, "There is no argument 'force'"),
        (b'{"decision": "decline", "by": "ceo"}', 400, "There is no argument 'by'"),
        (
            b'{"decision": "approve", "name": "' + b"x" * 300 + b'"}',
            400,
            "name: string should have at most 256",
        ),
        (b'{"decision": "approve", "name": "' + b"x" * 70_000 + b'"}', 413, "longer than 65536 bytes"),
        (b" " * 5_000_000, 413, "longer than 65536 bytes"),
    ],
)
async def test_a_body_that_will_not_do_is_refused(
    open_request: OpenRequest, issuer: TokenIssuer, body: bytes, status: int, words: str
) -> None:
    found = error(await open_request.answer(issuer.token(**APPROVER), body), status)
    assert found["code"] == "invalid_argument"
    assert words in found["message"]
    assert await open_request.is_open()


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", ""],
)
async def test_what_a_web_page_can_post_is_refused(
    open_request: OpenRequest, issuer: TokenIssuer, kind: str
) -> None:
    token = issuer.token(**APPROVER)
    answer = await open_request.answer(token, yes(open_request.made), {"content-type": kind})
    found = error(answer, 415)
    assert "Content-Type: application/json" in found["suggested_action"]
    assert await open_request.is_open()


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("host", "evil.example.com", 421),
        ("host", "mcp.internal", 200),
        ("origin", "https://evil.example.com", 403),
        ("origin", "null", 403),
        ("origin", "https://mcp.example.com", 200),
    ],
)
async def test_another_host_or_origin_is_refused_whatever_the_token(
    guarded_server: GuardedServer, issuer: TokenIssuer, header: str, value: str, status: int
) -> None:
    made, approval_id = await file_request(guarded_server)
    for path, body in [("/approvals", None), (f"/approvals/{approval_id}", yes(made))]:
        answer = await send_request(guarded_server, path, issuer.token(**APPROVER), body, {header: value})
        if status == 200:
            assert answer.status_code == 200
        else:
            assert error(answer, status)["code"] == "forbidden"


async def test_what_a_sweep_asked_for_is_carried_out_when_it_is_approved(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    made, _ = await file_request(guarded_server)
    await guarded_server.process.services.orphans.scan(OPERATOR)
    for day in range(2, 40):
        guarded_server.process.world.clock.ahead = timedelta(days=day)
        await guarded_server.process.services.orphans.scan(OPERATOR)
    orphan = await guarded_server.process.load_dataset(made.dataset_id)
    asked = await guarded_server.process.services.approvals.file_for_sweep(orphan, OPERATOR)
    answer = await send_request(
        guarded_server, f"/approvals/{asked.approval_id}", issuer.token(**APPROVER), yes(made)
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["teardown"]["dataset_id"] == made.dataset_id
    gone = await guarded_server.process.tear_down(made.dataset_id, TeardownReason.ORPHANED)
    assert not gone.live


async def test_a_list_is_approved_by_its_phrase_and_carried_out(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    services = guarded_server.process.services
    await guarded_server.process.add_client_and_journey()
    made = [await guarded_server.process.provision(dataset_type=each) for each in DatasetType]
    await guarded_server.process.complete_journey()
    for day in range(40):
        guarded_server.process.world.clock.ahead = timedelta(days=day)
        await services.orphans.scan(OPERATOR)
    orphans = [await guarded_server.process.load_dataset(each.dataset_id) for each in made]
    asked = await services.sweep_lists.file_request(
        SweepPlan(eligible=tuple(orphans), skipped=(), refused="Too many."), OPERATOR
    )
    assert asked is not None
    path, lee = f"/approvals/{asked.approval_id}", issuer.token(**APPROVER)
    assert (await send_request(guarded_server, path, lee)).json()["phrase"] == "take down 4 datasets"
    stranger = issuer.token(**APPROVER, clients=["globex"])
    assert (
        error(await send_request(guarded_server, path, stranger, yes(made[0])), 404)["code"]
        == "unknown_approval"
    )
    assert error(await send_request(guarded_server, path, lee, yes(made[0])), 400)["field"] == "name"
    answer = await send_request(guarded_server, path, lee, {"decision": "approve", "name": asked.phrase})
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "used"
    assert {each["dataset_id"] for each in answer.json()["taken"]} == {each.dataset_id for each in made}
    assert answer.json()["left"] == []


async def test_what_forbids_a_swept_teardown_after_all_is_told(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    made, _ = await file_request(guarded_server)
    asked = await guarded_server.process.services.approvals.file_for_sweep(made, OPERATOR)
    answer = await send_request(
        guarded_server, f"/approvals/{asked.approval_id}", issuer.token(**APPROVER), yes(made)
    )
    assert error(answer, 409)["code"] == "reason_not_true"
    assert await guarded_server.process.load_dataset(made.dataset_id) == made


async def test_while_the_keys_cannot_be_had_nobody_is_heard(tmp_path: Path, issuer: TokenIssuer) -> None:
    async with (
        publish_keys(issuer) as url,
        open_guarded_server(tmp_path, identity_settings(jwks_url=url)) as server,
    ):
        issuer.status = 500
        answer = await send_request(server, "/approvals", issuer.token(**APPROVER))
        assert error(answer, 503)["code"] == "precondition_unknown"
        assert answer.headers["retry-after"] == str(int(PAUSE_S))


async def test_a_bug_is_told_as_one_and_shows_nothing(
    guarded_server: GuardedServer,
    issuer: TokenIssuer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail_by_bug(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(guarded_server.process.services.approvals, "list", fail_by_bug)
    answer = await send_request(guarded_server, "/approvals", issuer.token(**APPROVER))
    assert error(answer, 500)["code"] == InternalError.code
    assert "the secret" not in answer.text
    assert "the secret is 42" in caplog.text
