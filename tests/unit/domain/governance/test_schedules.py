"""When turns are due, and by which name."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.governance.schedules import run_id_prefix, scheduled_run_id, tick_from_run_id
from domain.model.schedule import Schedule

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
DAILY = Schedule(name="orphan_scan", at=time(3, 15))
MINUTELY = Schedule(name="health")
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware at once
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))


@pytest.mark.parametrize(
    ("now", "tick"),
    [
        (datetime(2026, 3, 1, 3, 14, 59, tzinfo=UTC), "2026-02-28"),
        (datetime(2026, 3, 1, 3, 15, tzinfo=UTC), "2026-03-01"),
        (datetime(2026, 3, 1, 23, 59, tzinfo=UTC), "2026-03-01"),
        (datetime(2026, 3, 2, 3, 14, tzinfo=UTC), "2026-03-01"),
    ],
)
def test_a_daily_turn_is_named_by_the_day_on_which_it_became_due(now: datetime, tick: str) -> None:
    assert DAILY.tick(now) == tick


@given(at=TIMES, now=INSTANTS)
def test_a_daily_turn_lasts_until_the_next_one_a_day_later(at: time, now: datetime) -> None:
    plan = Schedule(name="p", at=at)
    since, following = plan.due_since(now), plan.next_due(now)
    assert since <= now < following == since + DAY
    assert plan.tick(since) == plan.tick(now) == plan.tick(following - MINUTE)
    assert plan.tick(following) == f"{since.date() + DAY}"


@given(now=INSTANTS)
def test_a_turn_of_every_minute_is_named_by_its_minute(now: datetime) -> None:
    assert MINUTELY.tick(now) == now.isoformat()[:16]
    assert MINUTELY.next_due(now) - MINUTELY.due_since(now) == MINUTE


def test_the_id_of_a_turn_leads_back_to_its_tick() -> None:
    assert scheduled_run_id("health", "2026-03-01T12:05") == "schedule:health:2026-03-01T12:05"
    assert tick_from_run_id("schedule:health:2026-03-01T12:05") == "2026-03-01T12:05"
    assert scheduled_run_id("health", "2026-03-01").startswith(run_id_prefix("health"))


def test_a_plan_is_told_in_words() -> None:
    off = Schedule(name="p", at=time(3, 15), off=True)
    assert [each.description for each in (DAILY, MINUTELY, off)] == [
        "daily at 03:15 UTC",
        "every minute",
        "off",
    ]


@given(now=INSTANTS, installation=st.text())
def test_an_installation_has_its_own_second_of_the_minute_and_keeps_it(
    now: datetime, installation: str
) -> None:
    plan = MINUTELY.offset_for(installation)
    assert timedelta() <= plan.offset < MINUTE
    assert plan == MINUTELY.offset_for(installation)
    since = plan.due_since(now)
    assert since <= now < plan.next_due(now) == since + MINUTE
    assert since - timedelta(seconds=since.second) + plan.offset == since
    assert plan.tick(now) == plan.tick(since) == since.isoformat()[:16]


def test_installations_are_spread_over_the_minute_and_a_time_of_day_is_as_it_was_set() -> None:
    installations = [f"{number:032x}" for number in range(1000)]
    assert len({MINUTELY.offset_for(each).offset for each in installations}) == 60
    assert {DAILY.offset_for(each) for each in installations} == {DAILY}
