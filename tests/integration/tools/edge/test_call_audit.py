"""Every call of a tool is counted, and on record with how it ended."""

from __future__ import annotations

import json
import logging
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from mcp.client.client import Client
from mcp_types import CallToolRequest, CallToolResult, ElicitRequestParams, ElicitResult
from pydantic import TypeAdapter

from domain.audit.calls import CallAudit
from domain.audit.entry import Decision
from domain.errors import ForbiddenError, StoreFailedError
from domain.model.enums import DatasetType
from domain.model.principal import Principal
from domain.policy.rate_limits import RateLimits
from domain.ports import STORE_PATIENCE, StorePatience
from server.composition.use_cases import build_services
from server.mcp_server.server import build_server
from tests.integration.tools.conftest import ACME, MODERN, ToolSession, open_tool_session, result_text
from tests.support.world import OPERATOR, Process
from tools.edge.call_audit import audit_call, root_cause

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mcp_types import RequestParamsMeta

    from domain.audit.entry import AuditEntry
    from domain.ports import Store, UnitOfWork
    from tests.support.world import World
    from tools.services import Services

AGENT = Principal(subject="kim", actors=("agent-7",), scopes=frozenset({"datasets:read"}))
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
LEGACY = "legacy"


class RawRequest(CallToolRequest):
    """A request that is sent as it is."""

    params: Any


def short(entry: AuditEntry) -> tuple[object, ...]:
    return (entry.verb, entry.decision, (entry.error or {}).get("code") or entry.outcome)


async def calls(process: Process) -> list[AuditEntry]:
    return [each for each in await process.load_audit_entries() if each.event is None]


@pytest.mark.parametrize("mode", [MODERN, LEGACY])
async def test_a_call_is_on_record_with_who_what_and_by_which_program(world: World, mode: str) -> None:
    async with open_tool_session(world, principal=AGENT, mode=mode) as served:
        await served.process.add_client_and_journey()
        await served.client.call_tool(
            "list_orphans",
            {"client_id": "acme", "limit": 3},
            meta=cast("RequestParamsMeta", {"traceparent": PARENT}),
        )
        [entry] = await calls(served.process)
    assert entry.audit_id is not None
    assert entry.audit_id.startswith("au-")
    assert entry.client is not None
    assert entry.client.startswith("mcp ")
    assert (entry.principal, entry.act, entry.via) == ("kim", "agent-7", "memory")
    assert (entry.trace_id, entry.verb) == (TRACE, "orphans")
    assert entry.arguments == {"client_id": "acme", "limit": 3}
    assert (entry.decision, entry.outcome, entry.client_id) == (Decision.ALLOWED, "answered", "acme")


async def test_a_call_whose_types_a_host_changed_is_on_record_as_it_was_meant(
    tool_session: ToolSession,
) -> None:
    hosts_form = {
        **ACME,
        "record_count": "5",
        "retry": "false",
        "wait_s": "20",
        "template_id": "",
        "data_source": "null",
    }
    one_text = json.dumps(hosts_form)
    made = await tool_session.call_ok("provision_dataset", {"arguments": one_text})
    assert made["record_count"] == 5
    request = RawRequest(method="tools/call", params={"name": "provision_dataset", "arguments": one_text})
    await tool_session.client.session.send_request(request, TypeAdapter(CallToolResult))
    unknown = await tool_session.call_refused("provision_dataset", ACME | {"client_id": 1042})
    assert unknown["message"] == "There is no client '1042'."
    meant = ACME | {"record_count": 5, "retry": False, "wait_s": 20}
    assert [each.arguments for each in await calls(tool_session.process)] == [
        meant,
        meant,
        ACME | {"client_id": "1042"},
    ]


async def test_what_a_call_changed_and_how_it_failed_are_of_one_id(tool_session: ToolSession) -> None:
    await tool_session.call_refused("provision_dataset", ACME | {"record_count": 5000, "wait_s": 20})
    admitted, failed = await calls(tool_session.process)
    assert (admitted.outcome, failed.decision) == ("admitted", Decision.FAILED)
    assert admitted.audit_id == failed.audit_id
    assert admitted.dataset_id == failed.dataset_id is not None


async def test_attaching_changes_nothing_and_is_on_record_as_answered(tool_session: ToolSession) -> None:
    for _ in range(2):
        await tool_session.call_ok("provision_dataset", ACME)
    assert [short(each) for each in await calls(tool_session.process)] == [
        ("provision", Decision.ALLOWED, "admitted"),
        ("provision", Decision.ALLOWED, "answered"),
    ]


async def test_every_refusal_at_the_edge_is_on_record(world: World) -> None:
    async with open_tool_session(world, principal=AGENT, read_only=True) as served:
        await served.call_refused("provision_dataset", ACME)
        await served.call_refused("list_orphans", {"confirm": True, "stage": "Sandbox"})
        await served.call_refused("list_orphans", {"client_id": "nobody"})
    async with open_tool_session(world, principal=AGENT) as served:
        await served.call_refused("teardown_dataset", {"dataset_id": "acme-1", "reason": "manual"})
        found = await calls(served.process)
    assert [short(each) for each in found] == [
        ("provision", Decision.REFUSED, "read_only"),
        ("orphans", Decision.REFUSED, "invalid_argument"),
        ("orphans", Decision.REFUSED, "unknown_client"),
        ("teardown", Decision.REFUSED, "forbidden"),
    ]
    assert found[1].arguments == {"confirm": "[withheld]", "stage": "Sandbox"}
    assert found[3].dataset_id == "acme-1"


async def test_a_caller_who_is_not_known_is_refused_on_record_without_a_name(world: World) -> None:
    def stranger() -> Principal:
        raise ForbiddenError("This request carries no identity.")

    async with world.open_process() as process:

        async def services() -> Services:
            return process.services

        server = build_server(services, version="1")
        object.__setattr__(server.edge, "identify", stranger)
        async with Client(server, mode=MODERN) as client:
            assert (await client.call_tool("list_orphans", {})).is_error
        [entry] = await calls(process)
    assert (entry.principal, entry.decision) == (None, Decision.REFUSED)


async def test_a_bug_is_on_record_and_its_id_is_all_that_is_told(
    tool_session: ToolSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail_by_bug(*_: object, **__: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr(tool_session.process.services.orphans, "list", fail_by_bug)
    with caplog.at_level(logging.ERROR):
        result = await tool_session.client.call_tool("list_orphans", {})
    [entry] = await calls(tool_session.process)
    assert result_text(result) == f"Error executing tool list_orphans ({entry.audit_id})"
    assert (entry.decision, (entry.error or {})["code"]) == (Decision.FAILED, "internal")
    assert "RuntimeError" in str(entry.error)
    assert "secret" not in str(entry)
    assert "the secret of the house" in caplog.text


async def test_a_question_to_a_person_is_on_record_with_what_they_are_shown_and_then_their_word(
    world: World,
) -> None:
    async def types(context: object, params: ElicitRequestParams) -> ElicitResult:
        shown.append(params.message)
        return ElicitResult(action="accept", content={"dataset_name": made.name})

    shown: list[str] = []
    async with open_tool_session(world, principal=OPERATOR, person=types) as served:
        await served.process.add_client_and_journey()
        made = await served.process.provision()
        await served.process.complete_journey()
        await served.call_ok("teardown_dataset", {"dataset_id": made.dataset_id, "reason": "manual"})
        asked, claimed = await calls(served.process)
    assert (asked.decision, asked.dataset_id) == (Decision.ASKED, made.dataset_id)
    assert asked.data["shown"] == {"question": shown[0]}
    assert (claimed.decision, claimed.outcome) == (Decision.ALLOWED, "teardown claimed")
    assert claimed.confirmation is not None
    assert (claimed.confirmation["how"], claimed.confirmation["by"]) == ("elicitation", OPERATOR.subject)
    assert claimed.confirmation["shown"]["dataset"] == made.name


async def test_secrets_that_are_configured_stand_in_no_entry(world: World) -> None:
    async with open_limited_session(world, withheld=("glean-key-17", "connector-17")) as served:
        for given in ("glean-key-17", "a connector-17 b"):
            await served.client.call_tool("list_orphans", {"client_id": given})
            await served.client.call_tool("list_orphans", {given: given})
            await served.client.call_tool("provision_dataset", ACME | {"template_id": given})
        found = str(await served.process.load_audit_entries())
    assert "-17" not in found
    assert "[withheld]" in found


async def test_calls_are_counted_before_anything_else_is_looked_at(world: World) -> None:
    nothing = Principal(subject="kim", scopes=frozenset())
    async with open_limited_session(world, calls_per_minute=2, principal=nothing) as served:
        codes = [(await served.call_refused("list_orphans", {}))["code"] for _ in range(2)]
        error = await served.call_refused("list_orphans", {})
        world.clock.ahead += timedelta(seconds=error["retry_after_s"])
        codes.append((await served.call_refused("list_orphans", {}))["code"])
        found = await calls(served.process)
    assert codes == ["forbidden"] * 3
    assert (error["code"], error["recovery"]) == ("rate_limited", "wait")
    assert [short(each)[2] for each in found] == ["forbidden", "forbidden", "rate_limited", "forbidden"]


async def test_only_what_was_claimed_counts_as_a_teardown(world: World) -> None:
    async with open_limited_session(world, teardowns_per_hour=1) as served:
        await served.process.add_client_and_journey()
        made = await served.process.provision()
        other = await served.process.provision(dataset_type=DatasetType.JIRA_ISSUES)
        wish = {"dataset_id": made.dataset_id, "reason": "journey_completed"}
        for _ in range(3):
            assert (await served.call_refused("teardown_dataset", wish))["code"] == "journey_active"
        await served.process.complete_journey()
        for _ in range(3):
            assert (await served.call_ok("teardown_dataset", wish))["status"] == "archived"
        error = await served.call_refused("teardown_dataset", wish | {"dataset_id": other.dataset_id})
        assert error["code"] == "rate_limited"
        assert 3590 < error["retry_after_s"] <= 3600
        assert (await served.process.load_dataset(other.dataset_id)).status == "ready"


class Full:
    """A store that takes no entry once it is told to be full."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.full = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the store has
        return getattr(self._store, name)

    async def transact(self, work: Callable[[UnitOfWork], Any], **how: bool) -> Any:  # noqa: ANN401 - the work's
        if self.full:
            raise StoreFailedError("The disk is full.")
        return await self._store.transact(work, **how)


async def test_a_call_that_cannot_be_put_on_record_fails_and_a_refusal_stands(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.open_process() as process:
        store = Full(process.deps.store)
        services = replace(process.services, calls=CallAudit(store, process.deps.clock, process.deps.ids))

        async def provide() -> Services:
            return services

        store.full = True
        async with Client(build_server(provide, version="1"), mode=MODERN) as client:
            answered = await client.call_tool("list_orphans", {})
            with caplog.at_level(logging.WARNING):
                refused = await client.call_tool("list_orphans", {"client_id": "nobody"})
    for result, code in ((answered, "store_failed"), (refused, "unknown_client")):
        assert result.meta is not None
        error = result.meta["dataset-lifecycle/error"]
        assert (error["code"], "audit_id" in error) == (code, False)
    assert "could not be written: The disk is full." in caplog.text


async def test_a_caller_who_goes_away_is_on_record(world: World) -> None:
    async with world.open_process() as process:
        kept = process.services.calls
        principal = kept.begin(OPERATOR, "provision", "memory", {})
        with anyio.CancelScope() as scope:
            async with audit_call(kept, principal):
                scope.cancel()
                await anyio.sleep_forever()
        [entry] = await calls(process)
    assert (entry.audit_id, entry.decision) == (principal.call and principal.call.audit_id, Decision.FAILED)


def test_the_cause_of_a_group_of_groups_is_the_first_error() -> None:
    inner = KeyError("x")
    assert root_cause(ExceptionGroup("a", [ExceptionGroup("b", [inner]), ValueError()])) is inner


@asynccontextmanager
async def open_limited_session(
    place: World,
    *,
    calls_per_minute: int = 0,
    teardowns_per_hour: int = 0,
    withheld: tuple[str, ...] = (),
    principal: Principal = OPERATOR,
) -> AsyncIterator[ToolSession]:
    """A client of a server with these limits and secrets."""
    rates = RateLimits(calls_per_minute=calls_per_minute, teardowns_per_hour=teardowns_per_hour)
    async with place.open_process() as process:
        services = build_services(process.deps, process.engine, rates=rates, withheld=withheld)

        async def provide() -> Services:
            return services

        async with Client(build_server(provide, version="1", principal=principal), mode=MODERN) as client:
            yield ToolSession(client=client, process=process)


async def test_a_call_has_one_patience_with_the_store_from_its_count_to_its_entry() -> None:
    seen: list[StorePatience | None] = []

    class Noting:
        async def count(self, principal: Principal) -> None:
            seen.append(STORE_PATIENCE.get())

        async def record_failure(self, principal: Principal, error: Exception) -> None:
            seen.append(STORE_PATIENCE.get())

    async def fail() -> None:
        async with audit_call(cast("CallAudit", Noting()), Principal(subject="agent:kim")):
            seen.append(STORE_PATIENCE.get())
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert seen[0] is not None
    assert [each is seen[0] for each in seen] == [True] * 3
    assert STORE_PATIENCE.get() is None
