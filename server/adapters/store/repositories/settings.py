"""Repository of settings: small JSON values of the installation, by key."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, TypeVar

from domain.errors import StoreFailedError
from server.adapters.store.codec import encode_document
from server.adapters.store.repository import Repository, decode_row

if TYPE_CHECKING:
    from domain.ports import Setting

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)
_NOTHING: Final = "null"


class SettingRepository(Repository):
    """Implements `ports.SettingRepository`."""

    def get(self, setting: Setting[T]) -> T | None:
        row = self._fetch_one("select document from facts where name = :name", name=setting.name)
        if row is None or row[0] == _NOTHING:
            return None
        try:
            return decode_row(f"the setting {setting.name!r}", row[0], setting.kind)
        except StoreFailedError as error:
            if not setting.absent_if_unreadable:
                raise
            # The caller has said that a value which cannot be read does no harm, so one bad row stops nothing.
            _LOG.error("%s It counts as absent.", error.message)
            return None

    def put(self, setting: Setting[T], value: T | None) -> None:
        self._upsert("facts", ("name",), {"name": setting.name, "document": encode_document(value)})
