from __future__ import annotations

from contextlib import suppress
from datetime import time
from typing import TYPE_CHECKING

import pytest

from domain.errors import SettingsError
from domain.model.schedule import Schedule

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
        Schedule(name="refresh", at=time(0), off=True),
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


@pytest.mark.parametrize(
    "written",
    ["off", "'off'", "false", "no", "'false'", "'No'", "never", "Never", "none", "disabled", "' off '"],
)
def test_a_schedule_may_be_off(config_files: ConfigFiles, written: str) -> None:
    text = f"dataops:\n  schedules:\n    orphan_sweep: {written}\n    health: off\n"
    plans = config_files.load(text).schedules.plans
    assert (plans[0].off, plans[2].off, plans[1].off) == (True, True, False)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "~",
        "null",
        "''",
        "0",
        "3",
        "59",
        "'0'",
        "'24:00'",
        "'3'",
        "true",
        "1440",
        "-1",
        "'03:60'",
        "soon",
        "[]",
    ],
)
def test_what_is_no_time_of_day_is_refused_by_field(config_files: ConfigFiles, written: str) -> None:
    error = config_files.load_error(f"dataops:\n  schedules:\n    orphan_scan: {written}\n")
    assert error.field == "schedules.orphan_scan"
    assert "must be `off`, or a time of day in UTC" in error.message


@pytest.mark.parametrize(
    "name", ["orphan_scan", "orphan_sweep", "archive_retention", "event_redelivery", "workflow_purge"]
)
@pytest.mark.parametrize("written", ["", "~", "0", "'0'", "false", "'no'", "disabled"])
def test_nothing_that_may_mean_off_switches_a_schedule_on(
    config_files: ConfigFiles, name: str, written: str
) -> None:
    text = f"dataops:\n  schedules:\n    {name}: {written}\n"
    with suppress(SettingsError):
        plans = config_files.load(text).schedules.plans
        assert [each.off for each in plans if each.name == name] == [True]
        return
    assert config_files.load_error(text).field == f"schedules.{name}"


@pytest.mark.parametrize("written", ["", "~", "0", "off", "'false'", "no", "never", "disabled"])
def test_nor_does_it_give_archives_an_end(config_files: ConfigFiles, written: str) -> None:
    error = config_files.load_error(f"dataops:\n  archival:\n    retention_days: {written}\n")
    assert error.field == "archival.retention_days"
    assert "to delete no archive at all, set schedules.archive_retention to off" in error.message


@pytest.mark.parametrize(
    ("text", "field", "belongs"),
    [
        ("orphan_sweep: off", "orphan_sweep", "schedules.orphan_sweep"),
        ("orphans: {orphan_sweep: off}", "orphans.orphan_sweep", "schedules.orphan_sweep"),
        ("schedules: {retention_days: 5}", "schedules.retention_days", "archival.retention_days"),
        ("schedules: {sweep_count: 5}", "schedules.sweep_count", "orphans.sweep_count"),
    ],
)
def test_a_key_in_the_wrong_section_is_told_where_it_belongs(
    config_files: ConfigFiles, text: str, field: str, belongs: str
) -> None:
    error = config_files.load_error(f"dataops:\n  {text}\n")
    assert (error.field, error.candidates) == (field, (belongs,))
    assert f"{field} is not a key of this section; {belongs} is." in error.message
