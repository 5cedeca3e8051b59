"""What happened, what is still to be undone, and small facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from domain.events import Event
from domain.model import PendingCompensation, Progress
from server.adapters.store.codec import encode_document
from server.adapters.store.rows import Rows, decode_readable_rows, decode_row

if TYPE_CHECKING:
    from domain.ports import Json

_BEYOND: Final = 2**63 - 1
"""No row has this number."""


class LedgerRows(Rows):
    """The part of `domain.records.Records` that is about events, undos, progress, facts and archives."""

    def append(self, *events: Event) -> None:
        rows = [
            {"dataset_id": each.dataset_id, "kind": each.kind.value, "document": encode_document(each)}
            for each in events
        ]
        self._append_rows("events", ("dataset_id", "kind", "document"), rows)

    def events(
        self, *, dataset_id: str | None = None, after: int = 0, limit: int = 100
    ) -> list[tuple[int, Event]]:
        of_dataset = "" if dataset_id is None else "and dataset_id = :id"
        page = self._fetch_page(
            "event",
            Event,
            f"select seq, document from events where seq > :after {of_dataset} order by seq",  # noqa: S608  # a constant
            {"after": after, "id": dataset_id},
            limit,
        )
        return [(row[0], event) for row, event in page]

    def event(self, seq: int) -> Event:
        row = self._fetch_one("select document from events where seq = :seq", seq=seq)
        return decode_row(f"event {seq}", row[0] if row else "", Event)

    def last_event(self) -> int:
        return self._fetch_count("select coalesce(max(seq), 0) from events")

    def last_events(self, before: int | None, dataset_id: str | None, limit: int) -> list[tuple[int, Event]]:
        of_dataset = "" if dataset_id is None else "and dataset_id = :id"
        page = self._fetch_page(
            "event",
            Event,
            f"select seq, document from events where seq < :after {of_dataset} order by seq desc",  # noqa: S608  # the same
            {"after": _BEYOND if before is None else before, "id": dataset_id},
            limit,
        )
        return [(row[0], event) for row, event in page]

    def undos(self, dataset_id: str | None = None) -> list[PendingCompensation]:
        of_dataset = "" if dataset_id is None else "where dataset_id = :id"
        rows = self._execute(
            f"select dataset_id, document from undos {of_dataset} order by dataset_id, attempt, what",  # noqa: S608  # the same
            {"id": dataset_id},
        )
        return [undo for _row, undo in decode_readable_rows("undo", rows, PendingCompensation)]

    def put_undo(self, undo: PendingCompensation) -> None:
        row = {
            "dataset_id": undo.dataset_id,
            "attempt": undo.attempt,
            "what": undo.what,
            "document": encode_document(undo),
        }
        self._upsert("undos", ("dataset_id", "attempt", "what"), row)

    def drop_undo(self, undo: PendingCompensation) -> None:
        self._execute(
            "delete from undos where dataset_id = :id and attempt = :attempt and what = :what",
            {"id": undo.dataset_id, "attempt": undo.attempt, "what": undo.what},
        )

    def progress(self, dataset_id: str) -> Progress | None:
        row = self._fetch_one("select document from progress where dataset_id = :id", id=dataset_id)
        return decode_row(f"the progress of {dataset_id!r}", row[0], Progress) if row else None

    def put_progress(self, dataset_id: str, progress: Progress | None) -> None:
        """Insert or replace; None deletes."""
        if progress is None:
            self._execute("delete from progress where dataset_id = :id", {"id": dataset_id})
        else:
            self._upsert(
                "progress", ("dataset_id",), {"dataset_id": dataset_id, "document": encode_document(progress)}
            )

    def fact(self, name: str) -> object:
        row = self._fetch_one("select document from facts where name = :name", name=name)
        return decode_row(f"the fact {name!r}", row[0], object) if row else None

    def put_fact(self, name: str, value: object) -> None:
        self._upsert("facts", ("name",), {"name": name, "document": encode_document(value)})

    def archive(self, dataset_id: str) -> Json | None:
        row = self._fetch_one("select document from archives where dataset_id = :id", id=dataset_id)
        return decode_row(f"the archive of {dataset_id!r}", row[0], dict[str, Any]) if row else None

    def put_archive(self, dataset_id: str, facts: Json) -> None:
        self._upsert(
            "archives", ("dataset_id",), {"dataset_id": dataset_id, "document": encode_document(facts)}
        )

    def archives(self, *, after: str | None = None, limit: int = 100) -> list[tuple[str, Json]]:
        page = self._fetch_page(
            "archive",
            dict[str, Any],
            "select dataset_id, document from archives where dataset_id > :after order by dataset_id",
            {"after": after or ""},
            limit,
        )
        return [(row[0], facts) for row, facts in page]
