from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

import pytest

from domain.governance.schedules import Schedule

if TYPE_CHECKING:
    from tests.support.config_files import ConfigFiles


def test_every_schedule_has_its_usual_time(config_files: ConfigFiles) -> None:
    assert config_files.load().schedules.plans == (
        Schedule(name="health"),
        Schedule(name="orphan_scan", at=time(3)),
        Schedule(name="orphan_sweep", at=time(3, 30)),
        Schedule(name="archive_retention", at=time(4)),
        Schedule(name="event_redelivery", at=time(4, 30)),
        Schedule(name="workflow_purge", at=time(5)),
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
def test_a_time_of_day_may_be_written_as_people_do(config_files: ConfigFiles, written: str, at: time) -> None:
    plans = config_files.load(f"dataops:\n  schedules:\n    orphan_scan: {written}\n").schedules.plans
    assert plans[1] == Schedule(name="orphan_scan", at=at)


@pytest.mark.parametrize("written", ["off", "'off'", "false"])
def test_a_schedule_may_be_off(config_files: ConfigFiles, written: str) -> None:
    text = f"dataops:\n  schedules:\n    orphan_sweep: {written}\n    health: off\n"
    plans = config_files.load(text).schedules.plans
    assert (plans[0].off, plans[2].off, plans[1].off) == (True, True, False)


@pytest.mark.parametrize("written", ["'24:00'", "'3'", "true", "1440", "-1", "'03:60'", "soon", "[]"])
def test_what_is_no_time_of_day_is_refused_by_field(config_files: ConfigFiles, written: str) -> None:
    error = config_files.load_error(f"dataops:\n  schedules:\n    orphan_scan: {written}\n")
    assert error.field == "schedules.orphan_scan"
    assert "must be `off`, or a time of day in UTC" in error.message
