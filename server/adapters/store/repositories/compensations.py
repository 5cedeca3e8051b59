"""Repository of compensations that are still to be done."""

from __future__ import annotations

from domain.model import PendingCompensation
from server.adapters.store.codec import encode_document
from server.adapters.store.repository import Repository, decode_readable_rows


class CompensationRepository(Repository):
    """Implements `ports.CompensationRepository`."""

    def find(self, dataset_id: str | None = None) -> list[PendingCompensation]:
        of_dataset = "" if dataset_id is None else "where dataset_id = :id"
        rows = self._execute(
            # Only constants are put into the statement; values are bound.
            f"select dataset_id, document from undos {of_dataset} order by dataset_id, attempt, what",  # noqa: S608
            {"id": dataset_id},
        )
        return [pending for _row, pending in decode_readable_rows("undo", rows, PendingCompensation)]

    def put(self, compensation: PendingCompensation) -> None:
        row = {
            "dataset_id": compensation.dataset_id,
            "attempt": compensation.attempt,
            "what": compensation.what,
            "document": encode_document(compensation),
        }
        self._upsert("undos", ("dataset_id", "attempt", "what"), row)

    def delete(self, compensation: PendingCompensation) -> None:
        self._execute(
            "delete from undos where dataset_id = :id and attempt = :attempt and what = :what",
            {"id": compensation.dataset_id, "attempt": compensation.attempt, "what": compensation.what},
        )
