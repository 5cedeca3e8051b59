"""Anchored time: the instants of a template that is told relative to the day of its population.

All instants move by the same whole weeks, so that what happened on a Monday still does. Those of the newest day move on
to the day before the population, if that is another day of the week: the newest record is always of that day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final, Self

from domain.content.documents import InvalidRecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, datetime

    from domain.content.documents import ClientSite, Document, RecordKind
    from domain.content.population.reader import RecordReader

_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class Anchor:
    """Anchor: by how much instants move, and by how much more those of the newest day do."""

    by: timedelta
    newest_day: date
    newest_by: timedelta

    @classmethod
    def for_newest(cls, newest: datetime, now: datetime) -> Self:
        """The anchor by which the newest instant comes to the day before `now`, in UTC."""
        day = newest.astimezone(UTC).date()
        days = (now.astimezone(UTC).date() - day).days - 1
        return cls(timedelta(days=days - days % _WEEK), day, timedelta(days=days))

    def move(self, instant: datetime) -> datetime:
        """The instant where it is told; one at an end of the calendar stays."""
        of_newest_day = _to_utc(instant).date() == self.newest_day
        try:
            return instant + (self.newest_by if of_newest_day else self.by)
        except OverflowError:
            return instant

    def move_documents(self, documents: Iterable[Document]) -> None:
        """Move the instants of documents."""
        for each in documents:
            if each.updated is not None:
                each.updated = self.move(each.updated)
            if each.created is not None:
                each.created = self.move(each.created)


def find_newest_instant(
    batches: Iterable[Sequence[bytes]], reader: RecordReader, kind: RecordKind, site: ClientSite
) -> datetime | None:
    """The newest instant of all records; None when none has any. Records that cannot be read count nothing here."""
    newest: datetime | None = None
    for batch in batches:
        for document in _make_documents(batch, reader, kind, site):
            for instant in (document.updated, document.created):
                if instant is not None and (newest is None or _to_utc(instant) > newest):
                    newest = _to_utc(instant)
    return newest


def _to_utc(instant: datetime) -> datetime:
    """The instant in UTC. One without a zone is read as UTC, as everywhere, and so is one at an end of the calendar."""
    try:
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except OverflowError:
        return instant.replace(tzinfo=UTC)


def _make_documents(
    batch: Sequence[bytes], reader: RecordReader, kind: RecordKind, site: ClientSite
) -> Iterator[Document]:
    records = reader.decode_plain(batch)
    if records is not None:
        yield from kind.documents(records, site)
        return
    for line in batch:
        try:
            yield reader.read_document(line, 0)
        except InvalidRecordError:
            continue  # the population refuses it
