"""Small JSON values of the installation, by name."""

from __future__ import annotations

from server.adapters.store.codec import encode_document
from server.adapters.store.repository import Repository, decode_row


class SettingRepository(Repository):
    """Implements `ports.SettingRepository`."""

    def get(self, name: str) -> object:
        row = self._fetch_one("select document from facts where name = :name", name=name)
        return decode_row(f"the fact {name!r}", row[0], object) if row else None

    def put(self, name: str, value: object) -> None:
        self._upsert("facts", ("name",), {"name": name, "document": encode_document(value)})
