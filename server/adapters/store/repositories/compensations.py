"""Compensations that could not be carried out yet."""

from __future__ import annotations

from domain.model import PendingCompensation
from server.adapters.store.codec import encode_document
from server.adapters.store.repository import Repository, decode_readable_rows


class CompensationRepository(Repository):
    """Implements `ports.CompensationRepository`."""

    def find(self, dataset_id: str | None = None) -> list[PendingCompensation]:
        of_dataset = "" if dataset_id is None else "where dataset_id = :id"
        rows = self._execute(
            # What is put into the statement is constant; values are bound.
            f"select dataset_id, document from undos {of_dataset} order by dataset_id, attempt, what",  # noqa: S608
            {"id": dataset_id},
        )
        return [undo for _row, undo in decode_readable_rows("undo", rows, PendingCompensation)]

    def put(self, undo: PendingCompensation) -> None:
        row = {
            "dataset_id": undo.dataset_id,
            "attempt": undo.attempt,
            "what": undo.what,
            "document": encode_document(undo),
        }
        self._upsert("undos", ("dataset_id", "attempt", "what"), row)

    def delete(self, undo: PendingCompensation) -> None:
        self._execute(
            "delete from undos where dataset_id = :id and attempt = :attempt and what = :what",
            {"id": undo.dataset_id, "attempt": undo.attempt, "what": undo.what},
        )
