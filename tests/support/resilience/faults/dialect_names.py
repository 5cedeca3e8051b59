"""What differs between the dialects for whoever looks at Glean from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from server.adapters.glean.admin.platform import AdminPlatform
from server.adapters.glean.indexing.config import owner_of
from server.adapters.glean.indexing.names import datasource_of
from server.adapters.glean.indexing.platform import IndexingPlatform
from tests.support.glean.datasources import admin_platform, indexing_platform

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sandbox.embedded import EmbeddedSandbox
    from tests.support.world import World

ADMIN: Final = "admin"
INDEXING: Final = "indexing"
ADAPTERS: Final[dict[str, type[AdminPlatform | IndexingPlatform]]] = {
    ADMIN: AdminPlatform,
    INDEXING: IndexingPlatform,
}
CLIENTS: Final[dict[str, Callable[[EmbeddedSandbox], AdminPlatform | IndexingPlatform]]] = {
    ADMIN: admin_platform,
    INDEXING: indexing_platform,
}


def dialect_of(place: World) -> str:
    """The dialect that its processes speak."""
    return INDEXING if place.dialect is IndexingPlatform else ADMIN


def datasource_name(place: World, name: str) -> str:
    """What Glean calls the datasource of a connector of that name."""
    return datasource_of(name) if dialect_of(place) == INDEXING else name


def is_in_use(source: dict[str, Any]) -> bool:
    """Whether a datasource serves a dataset: one that was emptied stays registered."""
    owner = owner_of(source["config"])
    return owner is None or owner.mark is not None


def document_id(document: dict[str, Any]) -> str:
    """A served document's id."""
    return str(document.get("documentId") or document["id"])
