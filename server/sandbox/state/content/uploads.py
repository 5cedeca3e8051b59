"""Runs of documents: pages are stored in any order, any number of times, and stay unserved until a sync.

Documents of the Indexing dialect are counted by type as they come and go (`tally`), because a client asks for these
numbers again and again, of any number of documents.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from server.sandbox.state.content.search.fulltext import add_to_fulltext, remove_from_fulltext
from server.sandbox.state.refusals import RefusedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from server.sandbox.state.state import SandboxState

_TYPE: Final = "substr({0}.key, 1, instr({0}.key, char(31)) - 1)"
_EXISTS: Final = "EXISTS (SELECT 1 FROM datasource WHERE row = :datasource)"
_ELSEWHERE: Final = """
EXISTS (
    SELECT 1 FROM (
        SELECT row FROM upload WHERE datasource_row = :datasource AND held > 0
        UNION SELECT upload_row FROM garbage WHERE datasource_row = :datasource
    ) AS holder CROSS JOIN document AS other ON other.upload_row = holder.row AND other.key = each.key
    WHERE other.row NOT IN (SELECT value FROM json_each(:rows))
)
"""
_ADD_UPLOADED: Final = f"""
INSERT INTO tally (datasource_row, type, uploaded)
SELECT :datasource, {_TYPE.format("each")}, :sign * count(*) FROM document AS each
WHERE each.row IN (SELECT value FROM json_each(:rows)) AND instr(each.key, char(31)) AND {_EXISTS}
AND NOT {_ELSEWHERE} GROUP BY 2
ON CONFLICT (datasource_row, type) DO UPDATE SET uploaded = uploaded + excluded.uploaded
"""  # noqa: S608 - constants only; values are bound
_ADD_INDEXED: Final = f"""
INSERT INTO tally (datasource_row, type, indexed)
SELECT :datasource, {_TYPE.format("each")}, :sign * count(*) FROM document AS each
WHERE each.row IN (SELECT value FROM json_each(:rows)) AND instr(each.key, char(31)) AND {_EXISTS} GROUP BY 2
ON CONFLICT (datasource_row, type) DO UPDATE SET indexed = indexed + excluded.indexed
"""  # noqa: S608 - the same


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
    row, before = upload["row"], _last_document_row(connection)
    added = connection.executemany(
        "INSERT OR IGNORE INTO document (upload_row, key, raw) VALUES (?, ?, ?)",
        ((row, key, raw) for key, raw in page.items()),
    ).rowcount
    replaced = _replace_documents(connection, datasource, upload, page) if added < len(page) else 0
    # Checked after the writes, which tell whether the page changes anything; a refusal rolls them back.
    if added or replaced:
        _require_not_synced(connection, upload)
    if added:
        last = _last_document_row(connection)
        count_uploaded(connection, datasource["row"], range(before + 1, last + 1))
        connection.execute(
            "UPDATE upload SET total = total + :added, held = held + :added, last_row = :last,"
            " first_row = CASE first_row WHEN 0 THEN :first ELSE first_row END WHERE row = :row",
            {"added": added, "first": before + 1, "last": last, "row": row},
        )
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
    """Discard a run that is not served, so that its documents are deleted soon; do nothing for any other.

    Raises:
        RefusedError: `sync_running` while the run is being synced.
    """
    upload = find_upload(connection, datasource, run)
    if upload is None or upload["served"]:
        return
    if is_syncing(connection, upload):
        raise RefusedError("sync_running", "this run is being synced; stop the sync first")
    throw_documents_away(connection, upload)
    row = (upload["row"],)
    connection.execute("UPDATE job SET upload_row = NULL WHERE upload_row = ?", row)
    connection.execute("DELETE FROM upload WHERE row = ?", row)
    detail = {"documents": upload["total"]}
    world.record_effect(connection, "uploads.discard", datasource=datasource["name"], run=run, detail=detail)


def throw_documents_away(connection: sqlite3.Connection, upload: sqlite3.Row) -> None:
    """Have the documents of a run deleted soon (`deletions`); no search finds them from now on."""
    connection.execute("UPDATE upload SET served_row = 0 WHERE row = ?", (upload["row"],))
    if upload["held"]:
        connection.execute(
            "INSERT OR IGNORE INTO garbage (upload_row, datasource_row, next_row, last_row) VALUES (?, ?, ?, ?)",
            (upload["row"], upload["datasource_row"], upload["first_row"], upload["last_row"]),
        )


def delete_documents(connection: sqlite3.Connection, datasource: int, rows: Sequence[int]) -> int:
    """Delete documents of one datasource, served or not; return how many of them were served."""
    named = {"rows": json.dumps(rows), "datasource": datasource}
    served = [
        row["document_row"]
        for row in connection.execute(
            "SELECT document_row FROM served WHERE document_row IN (SELECT value FROM json_each(:rows))",
            named,
        )
    ]
    count_indexed(connection, datasource, served, sign=-1)
    count_uploaded(connection, datasource, rows, sign=-1)
    connection.execute(
        "UPDATE upload SET held = held - gone FROM (SELECT upload_row, count(*) AS gone FROM document"
        " WHERE row IN (SELECT value FROM json_each(:rows)) GROUP BY upload_row) WHERE row = upload_row",
        named,
    )
    remove_from_fulltext(connection, rows)
    connection.execute("DELETE FROM document WHERE row IN (SELECT value FROM json_each(:rows))", named)
    return len(served)


def count_uploaded(
    connection: sqlite3.Connection, datasource: int, rows: Sequence[int], *, sign: int = 1
) -> None:
    """Count documents that came, or (`sign` -1) are about to go; not those that another run has, too."""
    named = {"datasource": datasource, "rows": json.dumps(list(rows)), "sign": sign}
    connection.execute(_ADD_UPLOADED, named)


def count_indexed(
    connection: sqlite3.Connection, datasource: int, rows: Sequence[int], *, sign: int = 1
) -> None:
    """Count documents that are served from now on, or (`sign` -1) no longer."""
    named = {"datasource": datasource, "rows": json.dumps(list(rows)), "sign": sign}
    connection.execute(_ADD_INDEXED, named)
    connection.execute(
        "UPDATE datasource SET document_count = document_count + ? WHERE row = ?",
        (sign * len(rows), datasource),
    )


def is_syncing(connection: sqlite3.Connection, upload: sqlite3.Row) -> bool:
    """Whether a job of a run is running."""
    running = "SELECT 1 FROM job WHERE upload_row = ? AND status = 'RUNNING'"
    return connection.execute(running, (upload["row"],)).fetchone() is not None


def _replace_documents(
    connection: sqlite3.Connection, datasource: sqlite3.Row, upload: sqlite3.Row, page: dict[str, bytes]
) -> int:
    """Replace the stored documents that a page changes; return how many."""
    changed = [
        (row, raw)
        for key, raw in page.items()
        for (row,) in connection.execute(
            "UPDATE document SET raw = ?3 WHERE upload_row = ?1 AND key = ?2 AND raw IS NOT ?3 RETURNING row",
            (upload["row"], key, raw),
        ).fetchall()
    ]
    # Those that a sync had indexed before it was stopped.
    again = [each for each in changed if each[0] <= upload["indexed_row"]]
    remove_from_fulltext(connection, [row for row, _ in again])
    add_to_fulltext(connection, datasource["connector"], again)
    return len(changed)


def _last_document_row(connection: sqlite3.Connection) -> int:
    """The last row number that a document got; the next ones follow it without a gap."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'document'").fetchone()
    return 0 if found is None else int(found["seq"])


def _require_not_synced(connection: sqlite3.Connection, upload: sqlite3.Row) -> None:
    if is_syncing(connection, upload):
        raise RefusedError("sync_running", "this run is being synced and takes no more documents")
    if upload["served"]:
        raise RefusedError(
            "already_exists", "this run was synced and takes no more documents; begin a new run"
        )
