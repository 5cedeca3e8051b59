"""How calls begin, and how they end on record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.audit import Decision, Entry, called, canonical, note, parsed
from domain.audit_chain import AuditQuery
from domain.auditing import NOBODY, Calls, swept
from domain.callers import Caller
from domain.errors import (
    BlockingCheck,
    ForbiddenError,
    JourneyActiveError,
    LifecycleError,
    PlatformUnavailableError,
    RateLimitedError,
    StoreFailedError,
)
from domain.rates import RateLimits, Rates
from server.adapters.store.sqlite import SqliteStore
from tests.entities import NOW, SetClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KIM = Caller(subject="kim", act="agent-7")
SECRET = "glean-key-17"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Counting:
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
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def calls(store: SqliteStore, clock: SetClock) -> Calls:
    return Calls(store, clock, Counting(), withheld=("", SECRET))


def begun(calls: Calls, **arguments: object) -> Caller:
    return calls.begin(KIM, "teardown", "stdio", arguments)


async def entries(store: SqliteStore) -> list[Entry]:
    found = await store.read(lambda records: records.entries(AuditQuery()))
    return [parsed(each.document) for each in reversed(found)]


async def test_a_call_has_an_id_of_its_own_and_says_nothing_of_who_calls(calls: Calls) -> None:
    caller = calls.begin(
        KIM,
        "teardown",
        "http",
        {"dataset_id": "acme-1", "confirm": SECRET},
        known=("dataset_id", "reason"),
        client="some agent 1.0",
        traceparent=f"00-{TRACE}-b7ad6b7169203331-01",
    )
    assert caller == KIM
    assert caller.call is not None
    assert caller.call.audit_id == "au-000001000002"
    assert caller.call.at == NOW
    assert (caller.call.verb, caller.call.via, caller.call.client) == ("teardown", "http", "some agent 1.0")
    assert caller.call.trace_id == TRACE
    assert caller.call.arguments == {"dataset_id": "acme-1", "confirm": "[withheld]"}


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
async def test_what_is_no_trace_is_passed_over(calls: Calls, traceparent: object) -> None:
    call = calls.begin(KIM, "health", "stdio", {}, traceparent=traceparent).call
    assert call is not None
    assert call.trace_id is None


async def test_what_a_program_calls_itself_is_cut_and_holds_no_secret(calls: Calls) -> None:
    told = [calls.begin(KIM, "health", "stdio", {}, client=each).call for each in ("x" * 500, SECRET, "")]
    assert [each.client for each in told if each] == ["x" * 100 + "…", "[withheld]", None]


async def test_a_call_that_ended_well_is_on_record_with_who_and_what(
    calls: Calls, store: SqliteStore, clock: SetClock
) -> None:
    caller = begun(calls, dataset_id="acme-1", client_id="acme")
    clock.instant += timedelta(seconds=3)
    await calls.ended(caller)
    assert await entries(store) == [
        Entry(
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


async def test_what_a_call_changed_is_enough_when_it_ended_well(calls: Calls, store: SqliteStore) -> None:
    caller = begun(calls)
    await store.transact(lambda records: note(records, caller, "claimed"))
    await calls.ended(caller)
    assert [each.outcome for each in await entries(store)] == ["claimed"]


async def test_a_refusal_is_on_record_whole_and_says_under_which_id(calls: Calls, store: SqliteStore) -> None:
    checks = tuple(
        BlockingCheck(code="journey_active", what=f"{number} " + "x" * 300, clears="Wait.", since=NOW)
        for number in range(6)
    )
    error = JourneyActiveError("Not now.", blocking=checks, dataset_id="acme-2")
    told = error.as_dict()
    await calls.failed(begun(calls, dataset_id="../acme-1", reason="manual"), error)
    [entry] = await entries(store)
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
    calls: Calls, store: SqliteStore, error: LifecycleError, decision: Decision
) -> None:
    await calls.failed(begun(calls, dataset_id="../acme-1"), error)
    [entry] = await entries(store)
    assert (entry.decision, entry.dataset_id) == (decision, None)


async def test_a_secret_that_found_its_way_into_an_error_is_not_on_record(
    calls: Calls, store: SqliteStore
) -> None:
    await calls.failed(begun(calls), ForbiddenError(f"There is no {SECRET}.", candidates=(SECRET,)))
    assert SECRET not in str(await entries(store))


async def test_of_a_bug_its_kind_is_on_record_and_nothing_it_says(calls: Calls, store: SqliteStore) -> None:
    wrapped = RuntimeError("masked")
    wrapped.__cause__ = ZeroDivisionError(SECRET)
    await calls.failed(begun(calls), KeyError("hidden"))
    await calls.failed(begun(calls), wrapped)
    assert [(each.decision, each.error) for each in await entries(store)] == [
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


async def test_a_question_is_on_record_with_what_the_person_sees(calls: Calls, store: SqliteStore) -> None:
    await calls.asked(begun(calls, dataset_id="acme-1"), "Take it down?")
    [entry] = await entries(store)
    assert (entry.decision, entry.dataset_id) == (Decision.ASKED, "acme-1")
    assert entry.data == {"how": "elicitation", "shown": {"question": "Take it down?"}}


async def test_a_caller_who_went_away_leaves_a_failure(calls: Calls, store: SqliteStore) -> None:
    await calls.left(begun(calls))
    [entry] = await entries(store)
    assert (entry.decision, entry.outcome) == (Decision.FAILED, "the caller went away before the answer")


async def test_nobody_is_on_record_without_a_name(calls: Calls, store: SqliteStore) -> None:
    await calls.failed(calls.begin(NOBODY, "health", "http", {}), ForbiddenError("Who?"))
    [entry] = await entries(store)
    assert entry.principal is None


async def test_calls_are_counted(store: SqliteStore, clock: SetClock) -> None:
    counted = Calls(store, clock, Counting(), Rates(store, clock, RateLimits(calls_per_minute=1)))
    await counted.count(begun(counted))
    with pytest.raises(RateLimitedError):
        await counted.count(begun(counted))


async def test_what_a_sweep_takes_down_is_the_schedules(calls: Calls) -> None:
    caller = begun(calls)
    assert caller.call is not None
    assert swept(caller).call == replace(caller.call, via="schedule:sweep")
    assert swept(KIM) is KIM


async def test_a_caller_without_a_call_has_nothing_to_be_put_on_record(
    calls: Calls, store: SqliteStore
) -> None:
    await store.transact(lambda records: note(records, KIM, "claimed"))
    assert await entries(store) == []
    with pytest.raises(ValueError, match="no call"):
        called(KIM, Decision.ALLOWED)
    with pytest.raises(ValueError, match="no call"):
        await calls.failed(KIM, ForbiddenError("No."))


def test_the_same_entry_is_always_the_same_text() -> None:
    entry = Entry(at=NOW, verb="health", arguments={"b": 1, "a": 2})
    assert canonical(entry) == '{"arguments":{"a":2,"b":1},"at":"2026-03-01T12:00:00Z","verb":"health"}'
