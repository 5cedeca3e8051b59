"""How calls begin, and how they end on record."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.audit.calls import ANONYMOUS, CallAudit
from domain.audit.entry import (
    AuditEntry,
    Decision,
    call_entry,
    canonical_json,
    parse_entry,
    record_audit_entry,
)
from domain.errors import (
    BlockingCheck,
    ForbiddenError,
    JourneyActiveError,
    LifecycleError,
    PlatformUnavailableError,
    RateLimitedError,
    StoreFailedError,
)
from domain.model.principal import Principal
from domain.policy.rate_limits import RateLimiter, RateLimits
from domain.ports import AuditQuery
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW, ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KIM = Principal(subject="kim", actors=("agent-7",))
SECRET = "glean-key-17"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class FixedIds:
    """Ids that are told beforehand."""

    def __init__(self) -> None:
        self._next = 0

    def token(self) -> str:
        self._next += 1
        return f"{self._next:06}"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "store.db") as opened:
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def calls(store: SqliteStore, clock: ManualClock) -> CallAudit:
    return CallAudit(store, clock, FixedIds(), withheld=("", SECRET))


def begin_call(calls: CallAudit, **arguments: object) -> Principal:
    return calls.begin(KIM, "teardown", "stdio", arguments)


async def load_entries(store: SqliteStore) -> list[AuditEntry]:
    found = await store.read(lambda uow: uow.audit.find(AuditQuery()))
    return [parse_entry(each.document) for each in reversed(found)]


async def test_a_call_has_an_id_of_its_own_and_says_nothing_of_who_calls(calls: CallAudit) -> None:
    principal = calls.begin(
        KIM,
        "teardown",
        "http",
        {"dataset_id": "acme-1", "confirm": SECRET},
        known=("dataset_id", "reason"),
        client="some agent 1.0",
        traceparent=f"00-{TRACE}-b7ad6b7169203331-01",
    )
    assert principal == KIM
    assert principal.call is not None
    assert principal.call.audit_id == "au-000001000002"
    assert principal.call.at == NOW
    assert (principal.call.verb, principal.call.via, principal.call.client) == (
        "teardown",
        "http",
        "some agent 1.0",
    )
    assert principal.call.trace_id == TRACE
    assert principal.call.arguments == {"dataset_id": "acme-1", "confirm": "[withheld]"}


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        7,
        "",
        TRACE,
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01",
        f"00-{TRACE}-b7ad6b7169203331",
    ],
)
async def test_what_is_no_trace_is_passed_over(calls: CallAudit, traceparent: object) -> None:
    call = calls.begin(KIM, "health", "stdio", {}, traceparent=traceparent).call
    assert call is not None
    assert call.trace_id is None


async def test_what_a_program_calls_itself_is_cut_and_holds_no_secret(calls: CallAudit) -> None:
    told = [calls.begin(KIM, "health", "stdio", {}, client=each).call for each in ("x" * 500, SECRET, "")]
    assert [each.client for each in told if each] == ["x" * 100 + "…", "[withheld]", None]


async def test_a_call_that_ended_well_is_on_record_with_who_and_what(
    calls: CallAudit, store: SqliteStore, clock: ManualClock
) -> None:
    principal = begin_call(calls, dataset_id="acme-1", client_id="acme")
    clock.instant += timedelta(seconds=3)
    await calls.record_success(principal)
    assert await load_entries(store) == [
        AuditEntry(
            at=clock.instant,
            audit_id="au-000001000002",
            principal="kim",
            act="agent-7",
            via="stdio",
            verb="teardown",
            arguments={"dataset_id": "acme-1", "client_id": "acme"},
            decision=Decision.ALLOWED,
            outcome="answered",
            dataset_id="acme-1",
            client_id="acme",
        )
    ]


async def test_what_a_call_changed_is_enough_when_it_ended_well(calls: CallAudit, store: SqliteStore) -> None:
    principal = begin_call(calls)
    await store.transact(lambda uow: record_audit_entry(uow, principal, "claimed"))
    await calls.record_success(principal)
    assert [each.outcome for each in await load_entries(store)] == ["claimed"]


async def test_a_refusal_is_on_record_whole_and_says_under_which_id(
    calls: CallAudit, store: SqliteStore
) -> None:
    checks = tuple(
        BlockingCheck(code="journey_active", what=f"{number} " + "x" * 300, clears="Wait.", since=NOW)
        for number in range(6)
    )
    error = JourneyActiveError("Not now.", blocking=checks, dataset_id="acme-2")
    told = error.as_dict()
    await calls.record_failure(begin_call(calls, dataset_id="../acme-1", reason="manual"), error)
    [entry] = await load_entries(store)
    assert (entry.decision, entry.error, entry.dataset_id) == (Decision.REFUSED, told, "acme-2")
    assert error.as_dict() == told | {"audit_id": "au-000001000002"}


@pytest.mark.parametrize(
    ("error", "decision"),
    [
        (ForbiddenError("No."), Decision.REFUSED),
        (PlatformUnavailableError("Not there."), Decision.FAILED),
        (StoreFailedError("Full."), Decision.FAILED),
    ],
)
async def test_a_rule_refuses_and_the_world_fails(
    calls: CallAudit, store: SqliteStore, error: LifecycleError, decision: Decision
) -> None:
    await calls.record_failure(begin_call(calls, dataset_id="../acme-1"), error)
    [entry] = await load_entries(store)
    assert (entry.decision, entry.dataset_id) == (decision, None)


async def test_a_secret_that_found_its_way_into_an_error_is_not_on_record(
    calls: CallAudit, store: SqliteStore
) -> None:
    await calls.record_failure(
        begin_call(calls), ForbiddenError(f"There is no {SECRET}.", candidates=(SECRET,))
    )
    assert SECRET not in str(await load_entries(store))


async def test_of_a_bug_its_kind_is_on_record_and_nothing_it_says(
    calls: CallAudit, store: SqliteStore
) -> None:
    wrapped = RuntimeError("masked")
    wrapped.__cause__ = ZeroDivisionError(SECRET)
    await calls.record_failure(begin_call(calls), KeyError("hidden"))
    await calls.record_failure(begin_call(calls), wrapped)
    assert [(each.decision, each.error) for each in await load_entries(store)] == [
        (
            Decision.FAILED,
            {
                "code": "internal",
                "message": f"A fault of this program ended the call ({kind}).",
                "recovery": "needs_human",
                "suggested_action": "Report it with the log of this server.",
            },
        )
        for kind in ("KeyError", "ZeroDivisionError")
    ]


async def test_a_question_is_on_record_with_what_the_person_sees(
    calls: CallAudit, store: SqliteStore
) -> None:
    await calls.record_question(begin_call(calls, dataset_id="acme-1"), "Take it down?")
    [entry] = await load_entries(store)
    assert (entry.decision, entry.dataset_id) == (Decision.ASKED, "acme-1")
    assert entry.data == {"how": "elicitation", "shown": {"question": "Take it down?"}}


async def test_a_caller_who_went_away_leaves_a_failure(calls: CallAudit, store: SqliteStore) -> None:
    await calls.record_disconnect(begin_call(calls))
    [entry] = await load_entries(store)
    assert (entry.decision, entry.outcome) == (Decision.FAILED, "the caller went away before the answer")


async def test_nobody_is_on_record_without_a_name(calls: CallAudit, store: SqliteStore) -> None:
    await calls.record_failure(calls.begin(ANONYMOUS, "health", "http", {}), ForbiddenError("Who?"))
    [entry] = await load_entries(store)
    assert entry.principal is None


async def test_calls_are_counted(store: SqliteStore, clock: ManualClock) -> None:
    counted = CallAudit(store, clock, FixedIds(), RateLimiter(store, clock, RateLimits(calls_per_minute=1)))
    await counted.count(begin_call(counted))
    with pytest.raises(RateLimitedError):
        await counted.count(begin_call(counted))


async def test_a_caller_without_a_call_has_nothing_to_be_put_on_record(
    calls: CallAudit, store: SqliteStore
) -> None:
    await store.transact(lambda uow: record_audit_entry(uow, KIM, "claimed"))
    assert await load_entries(store) == []
    with pytest.raises(ValueError, match="no call"):
        call_entry(KIM, Decision.ALLOWED)
    with pytest.raises(ValueError, match="no call"):
        await calls.record_failure(KIM, ForbiddenError("No."))


def test_the_same_entry_is_always_the_same_text() -> None:
    entry = AuditEntry(at=NOW, verb="health", arguments={"b": 1, "a": 2})
    assert canonical_json(entry) == '{"arguments":{"a":2,"b":1},"at":"2026-03-01T12:00:00Z","verb":"health"}'


async def test_whoever_acts_in_a_call_is_remembered_and_nobody_for_acting_for_themselves(
    calls: CallAudit, store: SqliteStore
) -> None:
    for actors in ((), ("kim",), ("agent-7", "planner", "kim")):
        await calls.record_success(calls.begin(Principal(subject="kim", actors=actors), "health", "http", {}))
    known = await store.read(lambda uow: list(map(uow.audit.is_actor, ("kim", "agent-7", "planner"))))
    assert known == [False, True, True]
