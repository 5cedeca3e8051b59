"""Instants in the notations of exports and spreadsheets, and the order of day and month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.documents import RECORD_KINDS, DateOrder, JsonLinesBatch, decide_date_orders
from domain.content.documents.repair import parse_timestamp
from domain.content.documents.repair.timestamps import parse_numeric_date, timestamp_problem
from tests.support.content.records import ISSUES, PAGES, template_record

AT = datetime(2024, 3, 12, 15, 5)  # noqa: DTZ001 - these notations name no zone
AT_UTC = AT.replace(tzinfo=UTC)
INDIA = timezone(timedelta(hours=5, minutes=30))

READ = [
    ("20240312T150500Z", AT_UTC),
    ("20240312T150500+0530", AT.replace(tzinfo=INDIA)),
    ("20240312", AT.replace(hour=0, minute=0)),
    ("2024-03-12 15:05:00 +0530", AT.replace(tzinfo=INDIA)),
    ("2024-03-12 15:05:00 -05:30", AT.replace(tzinfo=timezone(-timedelta(hours=5, minutes=30)))),
    ("2024-03-12 15:05 UTC", AT_UTC),
    ("2024/03/12 15:05", AT),
    ("Tue, 12 Mar 2024 15:05:00 +0530", AT.replace(tzinfo=INDIA)),
    ("Tue, 12 Mar 2024 15:05:00 GMT", AT_UTC),
    ("12 Mar 2024 15:05:00 +0000 (UTC)", AT_UTC),
    ("12/Mar/24 3:05 PM", AT),
    ("12-Mar-2024 15:05", AT),
    ("Mar 12, 2024 3:05 p.m.", AT),
    ("March 12, 2024, 3:05 PM", AT),
    ("12 Sept 2024", datetime(2024, 9, 12)),  # noqa: DTZ001 - a day has no zone
    ("13/03/2024 12:30 AM", datetime(2024, 3, 13, 0, 30)),  # noqa: DTZ001
    ("3/13/2024 12:30 PM", datetime(2024, 3, 13, 12, 30)),  # noqa: DTZ001
    ("31.12.2024", datetime(2024, 12, 31)),  # noqa: DTZ001
    ("03/03/2024", datetime(2024, 3, 3)),  # noqa: DTZ001
    ("1710255900", AT_UTC),
    (1710255900000, AT_UTC),
]


@pytest.mark.parametrize(("given_value", "expected"), READ)
def test_an_instant_is_read_in_the_notations_of_exports(given_value: object, expected: datetime) -> None:
    assert parse_timestamp(given_value) == expected


REFUSED = [
    ("3/12/2024 3:05 PM", "may have the day or the month first, and its column does not tell"),
    ("12.03.2024 15:05", "may have the day or the month first, and its column does not tell"),
    (45363.628, "is a spreadsheet's number of days"),
    ("2024-03-12 15:05:00 CET", "names a time zone by letters"),
    ("2024-03-12 15:05:00 Europe/Berlin", "names a time zone by letters"),
    ("yesterday", "is no instant"),
    ("12/Foo/24 3:05 PM", "is no instant"),
    ("12/Mar/24 13:05 PM", "is no instant"),
    ("12 Mar 2024 15:05 +9900", "is no instant"),
    ("2024/13/01", "is no instant"),
    ("31/02/2024", "is no instant"),
    ("13/13/2024", "is no instant"),
    ("1_710_255_900", "is no instant"),
    (12, "is no instant"),
]


@pytest.mark.parametrize(("given_value", "problem"), REFUSED)
def test_what_is_no_instant_or_may_be_two_is_refused_with_why(given_value: object, problem: str) -> None:
    assert parse_timestamp(given_value) is None
    assert timestamp_problem(given_value) == problem


def test_a_columns_order_decides_an_ambiguous_date() -> None:
    assert parse_timestamp("3/12/2024 3:05 PM", DateOrder.MONTH_FIRST) == AT
    assert parse_timestamp("12/03/24 15:05", DateOrder.DAY_FIRST) == AT
    assert parse_numeric_date(7) is None


@given(st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)), st.sampled_from(DateOrder))  # noqa: DTZ001
def test_a_numeric_date_is_read_right_in_its_order_and_proves_no_other(
    instant: datetime, order: DateOrder
) -> None:
    day_first = order is DateOrder.DAY_FIRST
    text = instant.strftime("%d/%m/%Y %H:%M:%S" if day_first else "%m/%d/%Y %I:%M:%S %p")
    assert parse_timestamp(text, order) == instant.replace(microsecond=0)
    found = parse_numeric_date(text)
    assert found is not None
    assert found.order in {None, order}


@given(st.text() | st.floats() | st.integers())
def test_any_value_is_read_or_refused(value: object) -> None:
    assert parse_timestamp(value) is not None or timestamp_problem(value)


def orders(*created: str) -> dict[str, DateOrder]:
    records = [template_record(ISSUES, n, created=each) for n, each in enumerate(created)]
    lines = [msgspec.json.encode(each) for each in records]
    plain = JsonLinesBatch(msgspec.json.encode(template_record(ISSUES)))
    kind = RECORD_KINDS[ISSUES]
    return dict(decide_date_orders(kind, [plain, [*lines, b"broken"]], kind.plan_names))


def test_one_date_that_can_be_read_one_way_only_decides_its_column() -> None:
    assert orders("1/2/2024", "1/31/2024", "2/2/2024") == {"created": DateOrder.MONTH_FIRST}
    assert orders("1/2/2024", "31/1/2024") == {"created": DateOrder.DAY_FIRST}


def test_dates_that_prove_nothing_or_both_leave_it_open() -> None:
    assert orders("1/2/2024", "2/2/2024") == {}
    assert orders("1/2/2024", "31/1/2024", "1/31/2024") == {}


def test_a_page_has_no_orders_where_all_dates_are_plain() -> None:
    kind = RECORD_KINDS[PAGES]
    assert decide_date_orders(kind, [[msgspec.json.encode(template_record(PAGES))]], kind.plan_names) == {}
