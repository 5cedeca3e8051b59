"""When a dataset is an orphan, how its grace is counted, and when it may go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import accumulate, product
from math import ceil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BlockingCheck, Recovery
from domain.model.dataset import Dataset, OrphanMark
from domain.model.enums import DatasetStatus, JourneyState, Stage
from domain.model.journey import Journey, UnreadableRow
from domain.model.run import Run
from domain.policy.orphans import (
    MAX_GRACE_PER_SCAN,
    ORPHANABLE_STATUSES,
    SweepCaps,
    check_orphan_teardown,
    check_sweep,
    next_orphan_mark,
    orphan_reason,
    span_in_days,
    unknown_protection_reason,
)
from tests.support.entities import NOW, dataset, journey

if TYPE_CHECKING:
    from datetime import datetime

GRACE = timedelta(days=7)
MARK = OrphanMark(orphaned_at=NOW - timedelta(days=9), reason="journey_completed")
SERVED = replace(MARK, served=GRACE.total_seconds())
DONE = journey(state=JourneyState.COMPLETED)
UNREADABLE = UnreadableRow(what="journey 'j1'", why="zombie")
AHEAD = journey(stage=Stage.PRODUCTION)
BEHIND = journey(stage=Stage.SANDBOX)


@pytest.mark.parametrize(
    ("owner", "reason"),
    [
        (None, "journey_missing"),
        (journey(state=JourneyState.DRAFT), "journey_draft"),
        (journey(state=JourneyState.ACTIVE), None),
        (journey(state=JourneyState.ACTIVE, lease_expires_at=NOW + timedelta(seconds=1)), None),
        (journey(state=JourneyState.ACTIVE, lease_expires_at=NOW), "journey_expired"),
        (journey(state=JourneyState.PAUSED), None),
        (journey(state=JourneyState.PAUSED, lease_expires_at=NOW), None),
        (journey(state=JourneyState.COMPLETED), "journey_completed"),
        (journey(state=JourneyState.CANCELLED), "journey_cancelled"),
        (journey(state=JourneyState.EXPIRED), "journey_expired"),
        (journey(state=JourneyState.ACTIVE, stage=Stage.PILOT), "stage_passed"),
        (journey(state=JourneyState.PAUSED, stage=Stage.PRODUCTION), "stage_passed"),
        (journey(state=JourneyState.COMPLETED, stage=Stage.PILOT), "journey_completed"),
        (UNREADABLE, None),
    ],
)
def test_the_reason_is_what_the_journey_says_now(
    owner: Journey | UnreadableRow | None, reason: str | None
) -> None:
    assert orphan_reason(dataset(), owner, NOW) == reason


@pytest.mark.parametrize("status", DatasetStatus)
def test_only_settled_datasets_that_nobody_works_on_are_orphans(status: DatasetStatus) -> None:
    one = dataset(status=status)
    at_work = dataset(status=status, run=Run(saga_id="s", started_at=NOW))

    assert (orphan_reason(one, DONE, NOW) is not None) == (status in ORPHANABLE_STATUSES)
    assert orphan_reason(at_work, DONE, NOW) is None


@given(
    state=st.sampled_from(JourneyState),
    at=st.sampled_from(Stage),
    stage=st.sampled_from(Stage),
    lease=st.none() | st.sampled_from([NOW - timedelta(1), NOW, NOW + timedelta(1)]),
)
def test_a_dataset_is_protected_or_orphaned_or_unknown_and_only_one_of_them(
    state: JourneyState, at: Stage, stage: Stage, lease: datetime | None
) -> None:
    owner = journey(state=state, stage=at, lease_expires_at=lease)
    one = dataset(stage=stage)

    told = [
        owner.as_of(NOW).protects(stage),
        orphan_reason(one, owner, NOW) is not None,
        unknown_protection_reason(one, owner, NOW) is not None,
    ]

    assert sum(told) == 1


def blocks(
    one: Dataset, owner: Journey | UnreadableRow | None, grace: timedelta = GRACE
) -> tuple[str, Recovery] | None:
    check = check_orphan_teardown(one, owner, NOW, grace)
    return (check.what, check.recovery) if check else None


def test_an_orphan_that_has_served_its_grace_may_go() -> None:
    assert blocks(dataset(orphan=SERVED), DONE) is None


def test_with_no_grace_the_first_scan_is_enough_and_is_needed() -> None:
    assert blocks(dataset(orphan=MARK), DONE, timedelta(0)) is None
    assert blocks(dataset(), DONE, timedelta(0)) == (
        "No scan has found it to be an orphan since it was last used.",
        Recovery.WAIT,
    )


def test_an_orphan_within_its_grace_waits_and_says_how_long() -> None:
    almost = replace(MARK, served=GRACE.total_seconds() - 0.001)

    assert check_orphan_teardown(dataset(orphan=almost), DONE, NOW, GRACE) == BlockingCheck(
        code="reason_not_true",
        what="It has served 6.9 of the 7 days of grace.",
        clears="Wait: the daily scans count the rest.",
        since=MARK.orphaned_at,
    )


def test_a_dataset_that_was_used_since_it_was_marked_is_not_eligible() -> None:
    used = dataset(orphan=SERVED, last_used_at=SERVED.orphaned_at + timedelta(microseconds=1))

    assert blocks(used, DONE) == (
        "No scan has found it to be an orphan since it was last used.",
        Recovery.WAIT,
    )
    assert blocks(replace(used, last_used_at=SERVED.orphaned_at), DONE) is None


@pytest.mark.parametrize(
    ("owner", "reason"), [(None, "journey_missing"), (journey(stage=Stage.PILOT), "stage_passed")]
)
def test_what_a_person_decides_on_is_never_eligible(owner: Journey | None, reason: str) -> None:
    assert blocks(dataset(orphan=SERVED), owner) == (
        f"It is an orphan for the reason {reason}, on which a person decides.",
        Recovery.NEEDS_HUMAN,
    )


def test_what_is_protected_is_no_orphan_whatever_its_mark_says() -> None:
    assert blocks(dataset(orphan=SERVED), journey()) == (
        "It is not an orphan: its journey protects it, or work on it is running.",
        Recovery.FIX_INPUT,
    )


def test_what_nobody_can_tell_is_never_eligible() -> None:
    unreadable = check_orphan_teardown(dataset(orphan=SERVED), UNREADABLE, NOW, GRACE)
    behind = check_orphan_teardown(dataset(stage=Stage.PILOT, orphan=SERVED), BEHIND, NOW, GRACE)

    assert unreadable is not None
    assert behind is not None
    assert {unreadable.code, behind.code} == {"precondition_unknown"}
    assert behind.what == "Its journey 'j1' is at sandbox, a stage before the dataset's, which is an error."


def test_a_sweep_takes_sandbox_datasets_only_and_none_that_is_kept() -> None:
    one = dataset(orphan=SERVED)
    kept = check_sweep(replace(one, protected_until=NOW + timedelta(seconds=1)), DONE, NOW, GRACE)
    pilot = check_sweep(replace(one, stage=Stage.PILOT), DONE, NOW, GRACE)

    assert check_sweep(one, DONE, NOW, GRACE) is None
    assert check_sweep(replace(one, protected_until=NOW), DONE, NOW, GRACE) is None
    assert kept is not None
    assert (kept.code, kept.what) == ("dataset_protected", "It is protected until 2026-03-01T12:00:01Z.")
    assert pilot is not None
    assert (pilot.code, pilot.recovery) == ("confirmation_required", Recovery.NEEDS_HUMAN)


def test_marking_is_written_once_and_then_only_counts() -> None:
    first = next_orphan_mark(dataset(), DONE, NOW, timedelta(hours=5))
    second = next_orphan_mark(dataset(orphan=first), DONE, NOW + timedelta(1), timedelta(hours=24))
    other = next_orphan_mark(dataset(orphan=second), journey(state=JourneyState.EXPIRED), NOW, timedelta(0))

    assert first == OrphanMark(orphaned_at=NOW, reason="journey_completed")
    assert second == OrphanMark(orphaned_at=NOW, reason="journey_completed", served=86400)
    assert other == OrphanMark(orphaned_at=NOW, reason="journey_expired", served=86400)


@pytest.mark.parametrize(
    "one",
    [
        dataset(orphan=MARK, status=DatasetStatus.TEARDOWN),
        dataset(orphan=MARK, run=Run(saga_id="s", started_at=NOW)),
    ],
)
def test_what_is_not_looked_at_keeps_its_mark_as_it_is(one: Dataset) -> None:
    assert next_orphan_mark(one, DONE, NOW, timedelta(1)) == MARK


def test_what_nobody_can_tell_keeps_its_mark_as_it_is() -> None:
    assert next_orphan_mark(dataset(orphan=MARK), UNREADABLE, NOW, timedelta(1)) == MARK
    assert next_orphan_mark(dataset(), UNREADABLE, NOW, timedelta(1)) is None


def test_a_lease_clears_the_mark_while_it_runs_and_not_after() -> None:
    leased = journey(lease_expires_at=NOW + timedelta(seconds=1))
    lapsed = journey(lease_expires_at=NOW)

    assert next_orphan_mark(dataset(orphan=MARK), leased, NOW, timedelta(0)) is None
    assert next_orphan_mark(dataset(orphan=MARK), lapsed, NOW, timedelta(0)) == replace(
        MARK, reason="journey_expired"
    )


def test_every_sign_of_use_clears_the_mark() -> None:
    alive = next_orphan_mark(dataset(orphan=SERVED), journey(), NOW, timedelta(1))
    kept = next_orphan_mark(
        dataset(orphan=SERVED, protected_until=NOW + timedelta(1)), DONE, NOW, timedelta(1)
    )
    used = next_orphan_mark(dataset(orphan=SERVED, last_used_at=NOW), DONE, NOW, timedelta(1))

    assert (alive, kept) == (None, None)
    assert used == OrphanMark(orphaned_at=NOW, reason="journey_completed")


def marks_of_scans(gaps: list[timedelta]) -> list[OrphanMark | None]:
    """The marks of an orphan that is scanned once, and then again after each gap on the clock."""
    one, now, marks = dataset(), NOW, []
    for gap in [timedelta(0), *gaps]:
        now += gap
        one = replace(one, orphan=next_orphan_mark(one, DONE, now, gap))
        marks.append(one.orphan)
    return marks


GAPS = st.lists(st.timedeltas(min_value=timedelta(hours=-999), max_value=timedelta(hours=999)), max_size=40)


@given(GAPS)
def test_the_grace_is_the_sum_of_the_gaps_of_at_most_26_hours_and_a_clock_that_goes_back_adds_nothing(
    gaps: list[timedelta],
) -> None:
    counted = [min(max(gap.total_seconds(), 0), 26 * 3600) for gap in gaps]

    marks = marks_of_scans(gaps)

    assert [mark and mark.served for mark in marks] == pytest.approx([0, *accumulate(counted)])
    assert {mark and mark.orphaned_at for mark in marks} == {NOW}


@given(GAPS)
def test_no_clock_makes_an_orphan_eligible_before_the_grace_was_scanned_through(
    gaps: list[timedelta],
) -> None:
    """Whatever the clock does, every 26 hours of the grace take a scan of their own."""
    for scans, mark in enumerate(marks_of_scans(gaps)):
        if scans < ceil(GRACE / MAX_GRACE_PER_SCAN):
            assert check_orphan_teardown(dataset(orphan=mark), DONE, NOW, GRACE) is not None


@given(st.lists(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30)), max_size=40))
def test_missed_scans_never_shorten_the_grace(gaps: list[timedelta]) -> None:
    for passed, mark in zip(accumulate(gaps, initial=timedelta(0)), marks_of_scans(gaps), strict=True):
        if passed < GRACE:
            assert check_orphan_teardown(dataset(orphan=mark), DONE, NOW, GRACE) is not None


@given(
    gaps=st.lists(
        st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3)), min_size=1, max_size=40
    ),
    jump=st.timedeltas(min_value=timedelta(days=-9999), max_value=timedelta(days=9999)),
    data=st.data(),
)
def test_one_jump_of_the_clock_however_far_counts_for_one_scan_at_most(
    gaps: list[timedelta], jump: timedelta, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(gaps) - 1))
    jumped = [*gaps[:at], gaps[at] + jump, *gaps[at + 1 :]]

    [*_, honest], [*_, misled] = marks_of_scans(gaps), marks_of_scans(jumped)

    assert honest is not None
    assert misled is not None
    assert misled.served <= honest.served + MAX_GRACE_PER_SCAN.total_seconds()


def test_daily_scans_make_an_orphan_eligible_after_seven_days() -> None:
    marks = marks_of_scans([timedelta(days=1)] * 7)

    ready = [check_orphan_teardown(dataset(orphan=mark), DONE, NOW, GRACE) is None for mark in marks]

    assert ready == [False] * 7 + [True]


@pytest.mark.parametrize(
    ("due", "live", "refused"),
    [
        (0, 0, False),
        (10, 10, False),
        (11, 36, True),
        (11, 37, False),
        (25, 84, False),
        (25, 83, True),
        (15, 50, False),
        (26, 1_000_000, True),
    ],
)
def test_a_sweep_of_more_than_25_or_of_a_third_of_all_that_lives_takes_nothing(
    due: int, live: int, *, refused: bool
) -> None:
    assert (SweepCaps().sweep_refusal(due, live) is not None) is refused


def test_a_purge_has_the_caps_of_a_sweep_and_says_by_how_much() -> None:
    caps = SweepCaps()
    assert caps.purge_refusal(26, 100) == "26 archives are past their time, and one purge takes 25 at most."
    assert caps.purge_refusal(20, 40) == (
        "20 of 40 archives are past their time, and one purge takes 30% of them at most."
    )
    assert [caps.purge_refusal(due, held) for due, held in ((25, 84), (10, 10), (15, 50))] == [None] * 3


def test_a_refused_sweep_says_by_how_much() -> None:
    assert SweepCaps().sweep_refusal(26, 100) == "26 datasets are due, and one sweep takes 25 at most."
    assert (
        SweepCaps().sweep_refusal(20, 40)
        == "20 of 40 live datasets are due, and one sweep takes 30% of them at most."
    )


def test_days_are_cut_never_rounded_up() -> None:
    spans = [timedelta(days=7) - timedelta(microseconds=1), timedelta(days=7), timedelta(0)]

    assert [span_in_days(span) for span in spans] == [6.9, 7.0, 0.0]


def test_the_reasons_cover_every_state_that_does_not_protect() -> None:
    for state, stage in product(JourneyState, Stage):
        owner = journey(state=state, stage=stage)
        assert owner.protects(Stage.SANDBOX) is (orphan_reason(dataset(), owner, NOW) is None)
