"""Repository of the facts about archives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.adapters.store.codec import encode_document
from server.adapters.store.repository import Repository, decode_row

if TYPE_CHECKING:
    from domain.ports import Json


class ArchiveRepository(Repository):
    """Implements `ports.ArchiveRepository`."""

    def get(self, dataset_id: str) -> Json | None:
        row = self._fetch_one("select document from archives where dataset_id = :id", id=dataset_id)
        return decode_row(f"the archive of {dataset_id!r}", row[0], dict[str, Any]) if row else None

    def put(self, dataset_id: str, facts: Json) -> None:
        self._upsert(
            "archives", ("dataset_id",), {"dataset_id": dataset_id, "document": encode_document(facts)}
        )

    def find(self, *, after: str | None = None, limit: int = 100) -> list[tuple[str, Json]]:
        page = self._fetch_page(
            "archive",
            dict[str, Any],
            "select dataset_id, document from archives where dataset_id > :after order by dataset_id",
            {"after": after or ""},
            limit,
        )
        return [(row[0], facts) for row, facts in page]
