from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ExportInvalidError
from server.adapters.templates.exports.instants import (
    DateNotation,
    DateOrder,
    format_instant,
    instant_from_epoch,
)


def _notation(*texts: str, given_order: DateOrder | None = None) -> DateNotation:
    notation = DateNotation(given_order)
    for each in texts:
        notation.observe(each)
    notation.decide()
    return notation


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("12/Mar/24 3:05 PM", "2024-03-12T15:05:00Z"),
        ("12/Mar/24 12:05 AM", "2024-03-12T00:05:00Z"),
        ("12/Mär/24 15:05", "2024-03-12T15:05:00Z"),
        ("3-juil.-2024", "2024-07-03T00:00:00Z"),
        ("1 Dez 99", "1999-12-01T00:00:00Z"),
        ("2024-03-12 15:05", "2024-03-12T15:05:00Z"),
        ("2024/03/12 15:05:09", "2024-03-12T15:05:09Z"),
        ("12.03.2024 15:05", "2024-03-12T15:05:00Z"),
        ("2024-03-12T15:05:00.000+0100", "2024-03-12T14:05:00Z"),
        ("20240312T150500Z", "2024-03-12T15:05:00Z"),
        ("Tue, 12 Mar 2024 15:05:00 +0100", "2024-03-12T14:05:00Z"),
        ("Tue, 12 Mar 2024 15:05:00 -0000", "2024-03-12T15:05:00Z"),
    ],
)
def test_the_notations_of_vendors_are_read(text: str, instant: str) -> None:
    assert format_instant(_notation(text).parse(text)) == instant


@pytest.mark.parametrize(
    "text", ["", "soon", "45363.6", "31/Foo/24", "31.02.2024", "12:05", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_instant_is_none(text: str) -> None:
    assert _notation(text).parse(text) is None
    assert format_instant(None) is None


@given(
    st.dates(min_value=date(1990, 1, 1), max_value=date(2060, 1, 1)),
    st.sampled_from(DateOrder),
)
def test_one_date_decides_over_the_whole_export(day: date, order: DateOrder) -> None:
    form = "%d/%m/%Y" if order is DateOrder.DAY_FIRST else "%m/%d/%Y"
    proof = datetime(2024, 3, 25, tzinfo=UTC).strftime(form)
    parsed = _notation(day.strftime(form), proof).parse(day.strftime(form))

    assert parsed == datetime(day.year, day.month, day.day, tzinfo=UTC)


def test_an_order_that_stays_open_is_asked_for() -> None:
    with pytest.raises(ExportInvalidError) as refused:
        _notation("03/04/2024", "05/05/2024")

    assert "03/04/2024" in refused.value.message
    assert "--dates" in refused.value.suggested_action
    assert _notation("03/04/2024", given_order=DateOrder.MONTH_FIRST).parse("03/04/2024") == datetime(
        2024, 3, 4, tzinfo=UTC
    )


def test_two_notations_in_one_export_are_refused_with_a_value_of_each() -> None:
    with pytest.raises(ExportInvalidError, match=r"25/03/2024.*03/25/2024"):
        _notation("25/03/2024", "03/25/2024")


def test_dates_that_read_the_same_both_ways_need_no_order() -> None:
    assert _notation("05/05/2024").parse("05/05/2024") == datetime(2024, 5, 5, tzinfo=UTC)


def test_microseconds_are_exact() -> None:
    assert format_instant(instant_from_epoch(1_710_252_300_000_100)) == "2024-03-12T14:05:00.000100Z"
