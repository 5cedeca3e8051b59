"""Where the engines of a test meet: in its folder, or on the database whose URL stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.infra.postgres.dsn import parse_postgres_url

if TYPE_CHECKING:
    from pathlib import Path

    from server.infra.postgres.dsn import PostgresAddress


def engine_location_of(folder: Path) -> Path | PostgresAddress:
    """What an engine of that folder is given."""
    url = folder / "url"
    return parse_postgres_url(url.read_text()) if url.exists() else folder / "engine"
