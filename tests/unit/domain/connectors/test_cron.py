from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.connectors.cron import cron_problem


@pytest.mark.parametrize(
    "schedule",
    [
        "0 2 * * *",
        "0 */4 * * *",
        "*/30 * * * *",
        "5/15 * * * *",
        "0-30/10,45 1,13 1-15 JAN-MAR mon,Wed",
        "0 0 29 2 *",
        "0 0 31 2 1",
        "0 0 30 2,4 *",
        "59 23 31 12 7",
        "  0   2 * *   * ",
    ],
)
def test_a_good_schedule_has_no_problem(schedule: str) -> None:
    assert cron_problem(schedule) is None


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of month"),
        ("* * 32 * *", "day of month"),
        ("* * * 13 *", "month"),
        ("* * * MON *", "month"),
        ("* * * * 8", "day of week"),
        ("* * * * FEB", "day of week"),
        ("30-10 * * * *", "minute"),
        ("*/0 * * * *", "minute"),
        ("*/60 * * * *", "minute"),
        ("1,,2 * * * *", "minute"),
        ("-5 * * * *", "minute"),
        ("1-2-3 * * * *", "minute"),
        ("?  * * * *", "minute"),
        ("٣ * * * *", "minute"),
        ("0 0 L * *", "day of month"),
    ],
)
def test_a_wrong_field_is_named(schedule: str, field: str) -> None:
    assert (cron_problem(schedule) or "").startswith(f"has a wrong {field}:")


@pytest.mark.parametrize("schedule", ["", "@daily", "0 2 * *", "0 0 2 * * *"])
def test_anything_but_five_fields_is_told_by_its_number(schedule: str) -> None:
    assert cron_problem(schedule) == (
        f"must have five fields (minute, hour, day of month, month, day of week), not {len(schedule.split())}"
    )


@pytest.mark.parametrize("schedule", ["0 0 31 2 *", "0 0 30 FEB *", "0 0 31 4,6,9,11 *"])
def test_a_day_that_no_chosen_month_has_never_comes_due(schedule: str) -> None:
    assert cron_problem(schedule) == "never comes due: no such day is in those months"


@given(st.text(max_size=40))
def test_any_text_gets_an_answer(text: str) -> None:
    assert cron_problem(text) is None or isinstance(cron_problem(text), str)
