"""The rules of the clock: what a run may count, and when nothing goes because the clock is in doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.clock import ClockDisagreement, ClockReading, ClockRecord, Uptime
from domain.model.enums import JourneyState
from domain.policy.clocks import (
    ORPHAN_SCAN_CLOCK,
    check_clock,
    find_clock_disagreement,
    load_clock_record,
    next_clock_record,
    time_since,
    time_to_count,
)
from domain.policy.orphans import MAX_GRACE_PER_SCAN, next_orphan_mark
from domain.ports import Setting
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW, dataset, journey

if TYPE_CHECKING:
    from pathlib import Path

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FIRST = ClockReading(at=NOW, uptime=Uptime(boot="a", seconds=50.0))
RECORD = ClockRecord(latest=NOW, last=FIRST)


def reading(*, wall: timedelta, lived: timedelta, boot: str = "a") -> ClockReading:
    """A reading after the first one: so much later by the clock, and by the uptime."""
    return ClockReading(at=NOW + wall, uptime=Uptime(boot=boot, seconds=50.0 + lived.total_seconds()))


@pytest.mark.parametrize("wall", [DAY, -DAY, HOUR])
def test_what_has_passed_within_one_boot_is_told_by_the_uptime_alone(wall: timedelta) -> None:
    assert time_since(FIRST, reading(wall=wall, lived=HOUR)) == HOUR
    assert time_since(reading(wall=wall, lived=HOUR), FIRST) == timedelta()


@pytest.mark.parametrize("boot", ["b", None])
def test_what_has_passed_since_another_boot_is_told_by_the_clock_unless_it_was_set_back(
    boot: str | None,
) -> None:
    now = reading(wall=DAY, lived=HOUR, boot="b")
    now = now if boot else replace(now, uptime=None)
    assert time_since(FIRST, now) == DAY
    assert time_since(FIRST, replace(now, at=NOW)) == timedelta()
    assert time_since(FIRST, replace(now, at=NOW - DAY)) is None


def test_the_first_run_counts_nothing() -> None:
    assert time_to_count(None, FIRST) == timedelta()
    assert next_clock_record(None, FIRST) == RECORD


def test_a_run_counts_what_clock_and_uptime_both_say_has_passed() -> None:
    assert time_to_count(RECORD, reading(wall=DAY, lived=DAY)) == DAY
    assert time_to_count(RECORD, reading(wall=DAY, lived=timedelta(minutes=1))) == timedelta(minutes=1)
    assert time_to_count(RECORD, reading(wall=timedelta(minutes=1), lived=DAY)) == timedelta(minutes=1)


def test_a_run_counts_only_past_the_latest_instant_that_any_run_has_seen() -> None:
    ahead = next_clock_record(RECORD, reading(wall=DAY, lived=HOUR))
    back = next_clock_record(ahead, reading(wall=2 * HOUR, lived=2 * HOUR))

    assert (ahead.latest, back.latest) == (NOW + DAY, NOW + DAY)
    assert time_to_count(back, reading(wall=DAY, lived=DAY)) == timedelta()
    assert time_to_count(back, reading(wall=DAY + HOUR, lived=DAY + HOUR)) == HOUR


@pytest.mark.parametrize(
    "other", [reading(wall=DAY, lived=HOUR, boot="b"), replace(reading(wall=DAY, lived=HOUR), uptime=None)]
)
def test_across_boots_and_without_an_uptime_the_clock_alone_counts(other: ClockReading) -> None:
    assert time_to_count(RECORD, other) == DAY
    assert time_to_count(next_clock_record(RECORD, other), reading(wall=2 * DAY, lived=2 * HOUR)) == DAY
    assert find_clock_disagreement(RECORD, other) is None


@pytest.mark.parametrize(
    ("wall", "lived", "told"),
    [
        (DAY, DAY, None),
        (DAY + HOUR, DAY, None),
        (DAY - HOUR, DAY, None),
        (2 * DAY, timedelta(seconds=34), "moved by 2 days, and its uptime by 34 seconds."),
        (-3 * HOUR, timedelta(minutes=30), "moved by -3 hours, and its uptime by 30 minutes."),
        (DAY + HOUR + timedelta(seconds=1), DAY, "moved by 25 hours, and its uptime by 24 hours."),
    ],
)
def test_a_clock_disagrees_when_it_is_off_by_more_than_an_hour(
    wall: timedelta, lived: timedelta, told: str | None
) -> None:
    found = find_clock_disagreement(RECORD, reading(wall=wall, lived=lived))

    assert (found is None) == (told is None)
    if found and told:
        assert found.message.endswith(told)
        assert found.off_s == (wall - lived).total_seconds()


def test_of_two_runs_at_once_the_earlier_reading_does_not_replace_the_later_one() -> None:
    later, earlier = reading(wall=HOUR, lived=HOUR), reading(wall=HOUR / 2, lived=HOUR / 2)
    record = next_clock_record(next_clock_record(RECORD, later), earlier)

    assert record == ClockRecord(latest=later.at, last=later)


def test_a_disagreement_stands_until_a_run_an_hour_later_finds_agreement() -> None:
    leap = reading(wall=DAY, lived=timedelta(minutes=1))
    record = next_clock_record(RECORD, leap)
    again = next_clock_record(record, reading(wall=DAY + HOUR / 2, lived=timedelta(minutes=31)))
    later = next_clock_record(again, reading(wall=DAY + 2 * HOUR, lived=timedelta(minutes=121)))

    assert record.disagreement == ClockDisagreement(clock_s=86_400.0, uptime_s=60.0)
    assert again.disagreement == record.disagreement
    assert later.disagreement is None


async def test_the_clock_is_in_doubt_when_the_last_scan_found_it_off_or_it_is_off_now(tmp_path: Path) -> None:
    soon, leap = reading(wall=HOUR, lived=HOUR), reading(wall=DAY, lived=HOUR)
    found = ClockDisagreement(clock_s=86_400.0, uptime_s=60.0)
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        before = await store.read(lambda uow: check_clock(uow, leap))
        await store.transact(lambda uow: uow.settings.put(ORPHAN_SCAN_CLOCK, RECORD))
        quiet = await store.read(lambda uow: check_clock(uow, soon))
        now_off = await store.read(lambda uow: check_clock(uow, leap))
        await store.transact(
            lambda uow: uow.settings.put(ORPHAN_SCAN_CLOCK, replace(RECORD, disagreement=found))
        )
        then_off = await store.read(lambda uow: check_clock(uow, soon))

    assert (before, quiet) == (None, None)
    assert now_off is not None
    assert then_off is not None
    assert (now_off.code, then_off.code) == ("precondition_unknown", "precondition_unknown")
    assert "moved by 24 hours, and its uptime by 60 minutes" in now_off.what
    assert found.message in then_off.what


async def test_what_a_former_release_stored_of_the_last_scan_is_read(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        await store.transact(lambda uow: uow.settings.put(Setting("orphans.last_scan", str), NOW.isoformat()))
        record = await store.read(load_clock_record)
        await store.transact(lambda uow: uow.settings.put(ORPHAN_SCAN_CLOCK, RECORD))
        stored = await store.read(load_clock_record)

    assert record == ClockRecord(latest=NOW, last=ClockReading(at=NOW))
    assert stored == RECORD


@given(
    moves=st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=3 * 86_400),
            st.one_of(st.just(0), st.integers(min_value=-4_000 * 86_400, max_value=4_000 * 86_400)),
            st.sampled_from(["a", "a", "a", "b", None]),
        ),
        max_size=12,
    )
)
def test_the_grace_served_is_never_more_than_the_time_that_passed_but_26_hours_a_boot(
    moves: list[tuple[int, int, str | None]],
) -> None:
    """Each move: how many seconds pass, how far the clock is off by then, and which boot or machine looks."""
    one, over = dataset(created_at=NOW, last_used_at=NOW - 9_000 * DAY), journey(state=JourneyState.COMPLETED)
    record: ClockRecord | None = None
    true, looks = 0, []
    mark = None
    for passed, off, boot in [(0, 0, "a"), *moves]:
        true += passed
        uptime = Uptime(boot=boot, seconds=float(true)) if boot else None
        seen = ClockReading(at=NOW + timedelta(seconds=true + off), uptime=uptime)
        mark = next_orphan_mark(replace(one, orphan=mark), over, seen.at, time_to_count(record, seen))
        record = next_clock_record(record, seen)
        looks.append((true, boot))

    unknown = sum(1 for (_, before), (_, after) in pairwise(looks) if before != after or after is None)
    known = sum(
        after - before for (before, one_boot), (after, boot) in pairwise(looks) if one_boot == boot and boot
    )
    assert mark is not None
    assert mark.served <= known + unknown * MAX_GRACE_PER_SCAN.total_seconds()
