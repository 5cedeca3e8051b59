"""What happened, what is still to be undone, and small facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from domain.events import Event
from domain.model import Progress, Undo
from server.adapters.store.codec import encode
from server.adapters.store.rows import Rows, readable, understood

if TYPE_CHECKING:
    from domain.ports import Json

_BEYOND: Final = 2**63 - 1
"""No row has this number."""


class LedgerRows(Rows):
    """The part of `domain.records.Records` that is about events, undos, progress, facts and archives."""

    def append(self, *events: Event) -> None:
        rows = [
            {"dataset_id": each.dataset_id, "kind": each.kind.value, "document": encode(each)}
            for each in events
        ]
        self._append("events", ("dataset_id", "kind", "document"), rows)

    def events(
        self, *, dataset_id: str | None = None, after: int = 0, limit: int = 100
    ) -> list[tuple[int, Event]]:
        of_dataset = "" if dataset_id is None else "and dataset_id = :id"
        page = self._page(
            "event",
            Event,
            f"select seq, document from events where seq > :after {of_dataset} order by seq",  # noqa: S608  # a constant
            {"after": after, "id": dataset_id},
            limit,
        )
        return [(row[0], event) for row, event in page]

    def event(self, seq: int) -> Event:
        row = self._row("select document from events where seq = :seq", seq=seq)
        return understood(f"event {seq}", row[0] if row else "", Event)

    def last_event(self) -> int:
        return self._count("select coalesce(max(seq), 0) from events")

    def last_events(self, before: int | None, dataset_id: str | None, limit: int) -> list[tuple[int, Event]]:
        of_dataset = "" if dataset_id is None else "and dataset_id = :id"
        page = self._page(
            "event",
            Event,
            f"select seq, document from events where seq < :after {of_dataset} order by seq desc",  # noqa: S608  # the same
            {"after": _BEYOND if before is None else before, "id": dataset_id},
            limit,
        )
        return [(row[0], event) for row, event in page]

    def undos(self, dataset_id: str | None = None) -> list[Undo]:
        of_dataset = "" if dataset_id is None else "where dataset_id = :id"
        rows = self._rows(
            f"select dataset_id, document from undos {of_dataset} order by dataset_id, attempt, what",  # noqa: S608  # the same
            {"id": dataset_id},
        )
        return [undo for _row, undo in readable("undo", rows, Undo)]

    def put_undo(self, undo: Undo) -> None:
        row = {
            "dataset_id": undo.dataset_id,
            "attempt": undo.attempt,
            "what": undo.what,
            "document": encode(undo),
        }
        self._put("undos", ("dataset_id", "attempt", "what"), row)

    def drop_undo(self, undo: Undo) -> None:
        self._rows(
            "delete from undos where dataset_id = :id and attempt = :attempt and what = :what",
            {"id": undo.dataset_id, "attempt": undo.attempt, "what": undo.what},
        )

    def progress(self, dataset_id: str) -> Progress | None:
        row = self._row("select document from progress where dataset_id = :id", id=dataset_id)
        return understood(f"the progress of {dataset_id!r}", row[0], Progress) if row else None

    def put_progress(self, dataset_id: str, progress: Progress | None) -> None:
        """Insert or replace; None deletes."""
        if progress is None:
            self._rows("delete from progress where dataset_id = :id", {"id": dataset_id})
        else:
            self._put("progress", ("dataset_id",), {"dataset_id": dataset_id, "document": encode(progress)})

    def fact(self, name: str) -> object:
        row = self._row("select document from facts where name = :name", name=name)
        return understood(f"the fact {name!r}", row[0], object) if row else None

    def put_fact(self, name: str, value: object) -> None:
        self._put("facts", ("name",), {"name": name, "document": encode(value)})

    def archive(self, dataset_id: str) -> Json | None:
        row = self._row("select document from archives where dataset_id = :id", id=dataset_id)
        return understood(f"the archive of {dataset_id!r}", row[0], dict[str, Any]) if row else None

    def put_archive(self, dataset_id: str, facts: Json) -> None:
        self._put("archives", ("dataset_id",), {"dataset_id": dataset_id, "document": encode(facts)})

    def archives(self, *, after: str | None = None, limit: int = 100) -> list[tuple[str, Json]]:
        page = self._page(
            "archive",
            dict[str, Any],
            "select dataset_id, document from archives where dataset_id > :after order by dataset_id",
            {"after": after or ""},
            limit,
        )
        return [(row[0], facts) for row, facts in page]
