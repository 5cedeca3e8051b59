"""Where the engines of a test meet: in its folder, or on the database whose URL stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.postgres.address import parsed

if TYPE_CHECKING:
    from pathlib import Path

    from server.postgres.address import Address


def where(folder: Path) -> Path | Address:
    """What an engine of that folder is given."""
    url = folder / "url"
    return parsed(url.read_text()) if url.exists() else folder / "engine"
