"""What is in a stored document, read as the dialect has it in which it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from server.sandbox import documents
from server.sandbox.indexing import documents as indexing
from server.sandbox.indexing.datasources import CONNECTOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.sandbox.words import Searchable


class Contents(NamedTuple):
    """How documents of one dialect are read: the words by which one is found, and what a search tells of it."""

    searchable: Callable[[bytes], Searchable]
    shown: Callable[[bytes], dict[str, str | None]]


_ADMIN: Final = Contents(documents.searchable, documents.shown)
_INDEXING: Final = Contents(indexing.searchable, indexing.shown)


def of(connector: str) -> Contents:
    """The reader of a connector's documents."""
    return _INDEXING if connector == CONNECTOR else _ADMIN
