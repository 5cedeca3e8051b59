"""Checks the documents that are sent in the Indexing dialect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET

from domain.model import build_decoder
from server.sandbox.indexing_api.datasources import decode_config
from server.sandbox.indexing_api.shapes import Document, UserReference
from server.sandbox.indexing_api.urls import find_overlapping_claims, rival_claimants
from server.sandbox.indexing_api.users import load_user_keys
from server.sandbox.state.content.contents import document_key
from server.sandbox.state.refusals import invalid_field_error

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from server.sandbox.http.body_reader import BodyReader

_DOCUMENT: Final = build_decoder(Document)


class DocumentValidator:
    """Validator of the documents that are sent to one datasource.

    Attributes:
        contested: the first address of a document that other datasources claim too, and their names; None if none.
    """

    def __init__(self, connection: sqlite3.Connection, datasource: sqlite3.Row, reader: BodyReader) -> None:
        config = decode_config(datasource)
        self._name = str(datasource["name"])
        self._types = {each.name for each in config.object_definitions}
        self._views = re.compile(config.url_regex)
        self._rivals = find_overlapping_claims(connection, datasource)
        self.contested: tuple[str, list[str]] | None = None
        self._emails, self._ids = load_user_keys(connection, datasource["row"])
        self._reader = reader

    def validate_documents(
        self, raw_documents: Sequence[msgspec.Raw], where: str = "documents"
    ) -> dict[str, bytes]:
        """Check documents; return the bytes to store by key. Of two with the same key the later one counts.

        Raises RefusedError `invalid`, with the first document that is not valid.
        """
        page: dict[str, bytes] = {}
        for index, raw in enumerate(raw_documents):
            document = self._reader.read(Document, raw, f"{where}[{index}]")
            self._validate_document(document, f"{where}[{index}]")
            page[document_key(document.object_type, document.id)] = self._reader.stored_bytes(raw, document)
        return page

    def _validate_document(self, document: Document, where: str) -> None:
        if document.datasource.casefold() != self._name.casefold():
            raise invalid_field_error(f"{where}.datasource", f"is not {self._name}")
        for kind, named in (
            ("objectType", document.object_type),
            ("containerObjectType", document.container_object_type),
        ):
            if named is not UNSET and named not in self._types:
                raise invalid_field_error(f"{where}.{kind}", f"{named!r} is not declared by the datasource")
        if document.view_url is UNSET or not self._views.fullmatch(document.view_url):
            raise invalid_field_error(f"{where}.viewURL", "does not match the urlRegex of the datasource")
        if self.contested is None and (others := rival_claimants(self._rivals, document.view_url)):
            self.contested = document.view_url, others
        if not has_only_known_users(document, self._emails, self._ids):
            raise invalid_field_error(
                f"{where}.permissions.allowedUsers", "names a user that the datasource does not know"
            )


def has_only_known_users(document: Document, emails: set[str], ids: set[str]) -> bool:
    """Whether the datasource has every user that the permissions of a document name."""
    return all(
        each.email.casefold() in emails if each.email is not UNSET else each.datasource_user_id in ids
        for each in _allowed_users(document)
    )


def _allowed_users(document: Document) -> Iterator[UserReference]:
    permissions = document.permissions
    if permissions is not UNSET and permissions.allowed_users is not UNSET:
        yield from permissions.allowed_users


def decode_document(raw: bytes) -> Document:
    """Decode a stored document."""
    return _DOCUMENT.decode(raw)
