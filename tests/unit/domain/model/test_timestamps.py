"""Instants and spans as they are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidArgumentError
from domain.model.timestamps import parse_duration, parse_timestamp

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", "2026-03-01 12:00+00:00"]
)
def test_an_instant_is_one_whatever_its_zone(text: str) -> None:
    assert parse_timestamp(text, "until") == NOON
    assert parse_timestamp(text, "until").tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-03-01T12:00:00", "no time zone"),
        ("2026-03-01", "no time zone"),
        ("noon", "RFC 3339"),
        ("", "RFC 3339"),
        ("2026-02-30T12:00:00Z", "RFC 3339"),
        ("0001-01-01T00:00:00+14:00", "RFC 3339"),
        ("9999-12-31T23:59:59-12:00", "RFC 3339"),
    ],
)
def test_what_is_no_instant_is_refused_by_its_field(text: str, told: str) -> None:
    with pytest.raises(InvalidArgumentError, match=told) as refusal:
        parse_timestamp(text, "until")
    assert refusal.value.field == "until"


@given(st.datetimes(timezones=st.timezones(), allow_imaginary=False) | st.text())
def test_text_is_an_instant_or_refused_and_nothing_else(given: datetime | str) -> None:
    text = given if isinstance(given, str) else given.isoformat()
    try:
        found = parse_timestamp(text, "until")
    except InvalidArgumentError:
        return
    assert found == datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("0d", timedelta(0)),
    ],
)
def test_a_span_is_a_number_and_its_unit(text: str, span: timedelta) -> None:
    assert parse_duration(text, "duration") == span


@pytest.mark.parametrize(
    "text", ["", "h", "7", "7 d", "-7d", "7w", "1.5h", "7d ", "1234567d", "\u0667d", "7D"]
)
def test_what_is_no_span_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        parse_duration(text, "duration")
    assert refusal.value.field == "duration"
