"""A look at a store from outside, without opening it as ours."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from server.adapters.store.sqlite_failures import translated

if TYPE_CHECKING:
    from pathlib import Path

_UNFINISHED = "select exists (select 1 from datasets where running = 1) or exists (select 1 from undos)"


def unfinished(path: Path) -> bool:
    """Whether some dataset's saga is not over, or something is still to be undone; False where there is no store yet.

    Raises StoreFailedError.
    """
    if not path.exists():
        return False
    with translated(path), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
        return {"datasets", "undos"} <= tables and bool(db.execute(_UNFINISHED).fetchone()[0])
