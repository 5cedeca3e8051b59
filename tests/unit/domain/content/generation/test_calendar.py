"""The day of a story follows from its number, and the numbers of a day's stories from the day."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.content.generation.calendar import FIRST_MONDAY, Calendar, day_forms

DAYS = st.dates(min_value=date(2001, 1, 1), max_value=date(2100, 1, 1))
STORIES = st.integers(min_value=1, max_value=2_500_000)


@given(STORIES, DAYS)
def test_the_stories_of_a_day_are_those_that_are_placed_on_it(stories: int, day: date) -> None:
    calendar = Calendar.for_stories(stories)
    first, end = calendar.first_story(day), calendar.first_story(day + timedelta(days=1))
    number = (day - FIRST_MONDAY).days
    assert first < end
    assert calendar.place(first) == (number, 0)
    last_day, before = calendar.place(end - 1)
    assert last_day == number
    assert before < 1


@given(STORIES)
def test_stories_reach_back_a_year_where_there_are_enough(stories: int) -> None:
    calendar = Calendar.for_stories(stories)
    weeks = stories / calendar.weekly
    assert weeks <= 52
    assert weeks > 25 or calendar.working == 1 or calendar.weekly <= 12


def test_fewer_stories_begin_on_the_weekend() -> None:
    calendar = Calendar.for_stories(100_000)
    assert 0 < calendar.resting < calendar.working / 10


def test_a_day_has_the_forms_in_which_texts_name_it() -> None:
    assert day_forms(0) == ("2000-01-03", "3 January 2000", "Monday")
