"""A template whose time is relative is young on the day of its population, whatever the clock says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content import JsonLinesBatch, Population
from domain.content.checks.spill import MemorySpill
from domain.content.population.anchor import Anchor
from domain.errors import TemplateInvalidError
from domain.model.enums import DatasetType
from tests.support.content.records import ISSUES, MESSAGES, SITES, template, template_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
TUESDAY = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)


class RereadStream:
    """A stream as a repository gives it, which can be read again."""

    file = "fintech/dev/issues.jsonl"
    find_misfit = None

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._lines = lines
        self.warnings: list[str] = []
        self.spill = MemorySpill()

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        yield JsonLinesBatch(b"\n".join(self._lines))

    def read_again(self) -> Iterator[Sequence[bytes]]:
        return iter(self)


def populate_at(
    now: datetime, records: Sequence[dict[str, Any] | bytes], dataset_type: DatasetType
) -> list[Any]:
    attempt = Population(
        template(dataset_type, is_relative=True),
        dataset_type=dataset_type,
        wanted=None,
        sites=SITES,
        now=now,
        progress=lambda _done, _total: None,
    )
    lines = [each if isinstance(each, bytes) else msgspec.json.encode(each) for each in records]
    data = b"".join(attempt.stream_documents(RereadStream(lines)))
    return [msgspec.json.decode(line) for line in data.splitlines()]


@given(st.lists(INSTANTS, min_size=1, max_size=8), INSTANTS)
def test_order_and_weekdays_are_kept_and_the_newest_is_of_the_day_before(
    instants: list[datetime], now: datetime
) -> None:
    anchor = Anchor.for_newest(max(instants), now)
    moved = [anchor.move(each) for each in instants]
    assert max(moved).date() == now.date() - timedelta(days=1)
    assert sorted(range(len(instants)), key=lambda at: (moved[at], at)) == sorted(
        range(len(instants)), key=lambda at: (instants[at], at)
    )
    newest_day = max(instants).date()
    for before, after in zip(instants, moved, strict=True):
        assert before.time() == after.time()
        assert before.date() == newest_day or before.weekday() == after.weekday()


def test_an_instant_at_an_end_of_the_calendar_stays() -> None:
    anchor = Anchor.for_newest(datetime(2000, 1, 1, tzinfo=UTC), TUESDAY)
    for zone in (UTC, timezone(timedelta(hours=-5))):
        end = datetime(9999, 12, 31, 23, tzinfo=zone)
        assert anchor.move(end) == end


@pytest.mark.parametrize("dataset_type", DatasetType)
@pytest.mark.parametrize(
    "now",
    [TUESDAY, TUESDAY + timedelta(days=5), TUESDAY + timedelta(days=6), datetime(2019, 2, 3, tzinfo=UTC)],
)
def test_every_type_is_of_the_day_before(dataset_type: DatasetType, now: datetime) -> None:
    documents = populate_at(now, [template_record(dataset_type, each) for each in (1, 2, 3)], dataset_type)
    assert {date.fromisoformat(each["updated"][:10]) for each in documents} == {
        now.date() - timedelta(days=1)
    }


def test_created_moves_with_updated() -> None:
    records = [
        template_record(ISSUES, 1, created="2026-04-20T08:00:00Z"),
        template_record(ISSUES, 2, created="2026-05-01T09:00:00Z"),
        template_record(ISSUES, 3, updated=None),
    ]
    first, second, third = populate_at(TUESDAY, records, ISSUES)
    assert (first["created"], first["updated"]) == ("2026-11-16T08:00:00Z", "2026-11-30T10:00:00Z")
    assert (second["created"], second["updated"]) == ("2026-11-30T09:00:00Z", "2026-11-30T10:00:00Z")
    assert "updated" not in third


def test_records_in_other_notations_are_counted_too_and_broken_ones_are_refused_where_they_stand() -> None:
    records = [template_record(MESSAGES, 1), template_record(MESSAGES, 2, timestamp="2026-06-30 10:00")]
    documents = populate_at(TUESDAY, records, MESSAGES)
    assert [each["updated"][:10] for each in documents] == ["2026-09-25", "2026-11-30"]
    with pytest.raises(TemplateInvalidError) as refused:
        populate_at(TUESDAY, [template_record(MESSAGES, 1), b"{broken"], MESSAGES)
    assert refused.value.facts["position"] == 2


def test_without_any_instant_a_relative_time_is_refused() -> None:
    with pytest.raises(TemplateInvalidError, match="no record has an instant") as refused:
        populate_at(TUESDAY, [template_record(ISSUES, 1, updated=None)], ISSUES)
    assert refused.value.facts["record_field"] == "time"
