from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

import pytest

from domain.schedules import Plan

if TYPE_CHECKING:
    from tests.server.settings.given import Given


def test_every_schedule_has_its_usual_time(given: Given) -> None:
    assert given.load().schedules.plans == (
        Plan(name="health"),
        Plan(name="orphan_scan", at=time(3)),
        Plan(name="orphan_sweep", at=time(3, 30)),
        Plan(name="archive_retention", at=time(4)),
        Plan(name="event_redelivery", at=time(4, 30)),
        Plan(name="workflow_purge", at=time(5)),
    )


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("'03:15'", time(3, 15)),
        ("03:15", time(3, 15)),
        ("3:15", time(3, 15)),
        ("13:30", time(13, 30)),
        ("0:00", time(0)),
    ],
)
def test_a_time_of_day_may_be_written_as_people_do(given: Given, written: str, at: time) -> None:
    plans = given.load(f"dataops:\n  schedules:\n    orphan_scan: {written}\n").schedules.plans
    assert plans[1] == Plan(name="orphan_scan", at=at)


@pytest.mark.parametrize("written", ["off", "'off'", "false"])
def test_a_schedule_may_be_off(given: Given, written: str) -> None:
    text = f"dataops:\n  schedules:\n    orphan_sweep: {written}\n    health: off\n"
    plans = given.load(text).schedules.plans
    assert (plans[0].off, plans[2].off, plans[1].off) == (True, True, False)


@pytest.mark.parametrize("written", ["'24:00'", "'3'", "true", "1440", "-1", "'03:60'", "soon", "[]"])
def test_what_is_no_time_of_day_is_refused_by_field(given: Given, written: str) -> None:
    error = given.refused(f"dataops:\n  schedules:\n    orphan_scan: {written}\n")
    assert error.field == "schedules.orphan_scan"
    assert "must be `off`, or a time of day in UTC" in error.message
