"""Runs of documents: pages are stored in any order, any number of times, and stay unserved until a sync."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from server.sandbox.state.refusals import RefusedError

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.state.state import SandboxState


class StoredPage(NamedTuple):
    """Result of storing a page: the documents that were new or changed, and the total of the run."""

    changed: int
    total: int


def find_upload(connection: sqlite3.Connection, datasource: sqlite3.Row, run: str) -> sqlite3.Row | None:
    """Find the run of this name; None when it has no page yet."""
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM upload WHERE datasource_row = ? AND run = ?", (datasource["row"], run)
    ).fetchone()
    return found


def load_upload(connection: sqlite3.Connection, datasource: sqlite3.Row, run: str) -> sqlite3.Row:
    """Load a run that has a page. Raises LookupError when it has none, which is a bug of the sandbox."""
    found = find_upload(connection, datasource, run)
    if found is None:
        raise LookupError(run)
    return found


def store_upload_page(
    world: SandboxState,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    run: str,
    page: dict[str, bytes],
    operation: str = "documents.upload",
) -> StoredPage:
    """Add or replace the documents of a page, given by key; `operation` is the name for the ledger.

    Raises:
        RefusedError: `sync_running` or `already_exists` when the page would change a run that is being synced or was
            synced. A page that changes nothing is always accepted, so that a client may repeat it.
    """
    connection.execute(
        "INSERT OR IGNORE INTO upload (datasource_row, run) VALUES (?, ?)", (datasource["row"], run)
    )
    upload = load_upload(connection, datasource, run)
    row = upload["row"]
    added = connection.executemany(
        "INSERT OR IGNORE INTO document (upload_row, key, raw) VALUES (?, ?, ?)",
        ((row, key, raw) for key, raw in page.items()),
    ).rowcount
    replaced = 0
    if added < len(page):
        replaced = connection.executemany(
            "UPDATE document SET raw = ?3 WHERE upload_row = ?1 AND key = ?2 AND raw IS NOT ?3",
            ((row, key, raw) for key, raw in page.items()),
        ).rowcount
    # Checked after the writes, which tell whether the page changes anything; a refusal rolls them back.
    if added or replaced:
        _require_not_synced(connection, upload)
    connection.execute("UPDATE upload SET total = total + ? WHERE row = ?", (added, row))
    world.record_effect(
        connection,
        operation,
        datasource=datasource["name"],
        run=run,
        detail={"received": len(page), "changed": added + replaced},
    )
    return StoredPage(changed=added + replaced, total=upload["total"] + added)


def discard_unserved_upload(
    world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row, run: str
) -> None:
    """Delete a run that is not served; do nothing for one that is served or does not exist.

    Raises:
        RefusedError: `sync_running` while the run is being synced.
    """
    upload = find_upload(connection, datasource, run)
    if upload is None or upload["served"]:
        return
    if is_syncing(connection, upload):
        raise RefusedError("sync_running", "this run is being synced; stop the sync first")
    row = (upload["row"],)
    connection.execute("DELETE FROM document WHERE upload_row = ?", row)
    connection.execute("UPDATE job SET upload_row = NULL WHERE upload_row = ?", row)
    connection.execute("DELETE FROM upload WHERE row = ?", row)
    detail = {"documents": upload["total"]}
    world.record_effect(connection, "uploads.discard", datasource=datasource["name"], run=run, detail=detail)


def is_syncing(connection: sqlite3.Connection, upload: sqlite3.Row) -> bool:
    """Whether a job of a run is running."""
    running = "SELECT 1 FROM job WHERE upload_row = ? AND status = 'RUNNING'"
    return connection.execute(running, (upload["row"],)).fetchone() is not None


def _require_not_synced(connection: sqlite3.Connection, upload: sqlite3.Row) -> None:
    if is_syncing(connection, upload):
        raise RefusedError("sync_running", "this run is being synced and takes no more documents")
    if upload["served"]:
        raise RefusedError(
            "already_exists", "this run was synced and takes no more documents; begin a new run"
        )
