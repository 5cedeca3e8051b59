"""Deletions of many documents, in steps of bounded size, each in its own transaction.

Served documents that a newly indexed upload lacks are looked for, marked in the table `stale` with the instant of their
deletion, and deleted when it has come. What no search finds any more (`garbage`) is deleted as soon as there is time.
Where a step begins is stored, so any process goes on where another one died.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from server.sandbox.state.content.uploads import delete_documents
from server.sandbox.state.switches import load_switches

if TYPE_CHECKING:
    import sqlite3
DELETION_PAUSE_S: Final = 7 * 86_400.0
"""Seconds that Glean waits before it deletes more than a fifth of the documents of a datasource."""
_FIFTH: Final = 5
UNSETTLED: Final = "settled = 0 AND job.status = 'SUCCEEDED'"
"""The condition of an upload that is indexed, and of which it is not known yet what it lacks."""
_UNSETTLED_UPLOAD: Final = (
    "SELECT bulk.*, job.finished_at AS indexed_at FROM bulk JOIN job ON job.row = job_row"  # noqa: S608
    f" WHERE bulk.datasource_row = ? AND {UNSETTLED} ORDER BY bulk.row LIMIT 1"
)
_NEXT_FORMER: Final = (
    "SELECT * FROM upload WHERE datasource_row = :datasource AND row >= :seen AND row < :upload"
    " AND served_row > 0 AND held > 0 ORDER BY row LIMIT 1"
)
# The plus keeps SQLite from the index of keys: the rows of a run lie together.
_ROWS: Final = (
    "SELECT row, EXISTS (SELECT 1 FROM document AS new WHERE new.upload_row = :new AND new.key = document.key) AS kept"
    " FROM document WHERE +upload_row = :upload AND row > :after AND row <= :last ORDER BY row LIMIT :limit"
)
_MARK_STALE: Final = """
INSERT INTO stale (document_row, datasource_row, due_at) VALUES (?, ?, ?)
ON CONFLICT (document_row) DO UPDATE SET due_at = min(due_at, excluded.due_at)
"""
_DUE: Final = (
    "SELECT document_row FROM stale WHERE datasource_row = ? AND due_at <= ?"
    " ORDER BY due_at, document_row LIMIT ?"
)


def find_unsettled_upload(connection: sqlite3.Connection, datasource: int) -> sqlite3.Row | None:
    """Find the first upload that is indexed, and of which it is not known yet what it lacks."""
    found: sqlite3.Row | None = connection.execute(_UNSETTLED_UPLOAD, (datasource,)).fetchone()
    return found


def find_due_deletion(connection: sqlite3.Connection, datasource: int, now: float) -> float | None:
    """The earliest instant at which a document of a datasource was to be deleted; None when none is due."""
    (due,) = connection.execute(
        "SELECT min(due_at) FROM stale WHERE datasource_row = ? AND due_at <= ?", (datasource, now)
    ).fetchone()
    return None if due is None else float(due)


def mark_stale(connection: sqlite3.Connection, datasource: int, row: int, due: float) -> None:
    """Have a document deleted at that instant, or at an earlier one that it has already."""
    connection.execute(_MARK_STALE, (row, datasource, due))


def settle_upload(connection: sqlite3.Connection, upload: sqlite3.Row, limit: int) -> int:
    """Look at up to `limit` documents that an upload may lack; return at how many.

    They are counted first, where that decides when they are deleted, and then marked. The upload is settled with the
    last of them.
    """
    due = upload["due_at"]
    if due is None and upload["unchecked"]:
        due = _due_instant(connection, upload, paused=False)
    done, missing, seen, after = 0, upload["missing"], upload["seen_upload"], upload["seen_row"]
    while done < limit:
        former = connection.execute(
            _NEXT_FORMER,
            {"datasource": upload["datasource_row"], "seen": seen, "upload": upload["upload_row"]},
        ).fetchone()
        if former is None and due is None:  # all are counted
            paused = missing * _FIFTH > upload["old_total"]
            due, seen, after = _due_instant(connection, upload, paused=paused), 0, 0
            _pause(connection, upload, due if paused else None)
            continue
        if former is None:
            connection.execute("UPDATE bulk SET settled = 1 WHERE row = ?", (upload["row"],))
            break
        if former["row"] != seen:
            seen, after = former["row"], 0
        rows = connection.execute(
            _ROWS,
            {
                "new": upload["upload_row"],
                "upload": seen,
                "after": max(after, former["first_row"] - 1),
                "last": former["served_row"],
                "limit": limit - done,
            },
        ).fetchall()
        lacking = [row["row"] for row in rows if not row["kept"]]
        if due is None:
            missing += len(lacking)
        else:
            connection.executemany(_MARK_STALE, ((row, upload["datasource_row"], due) for row in lacking))
        done += len(rows)
        after = rows[-1]["row"] if rows else 0
        seen += not rows  # this run is done with
    connection.execute(
        "UPDATE bulk SET due_at = ?, missing = ?, seen_upload = ?, seen_row = ? WHERE row = ?",
        (due, missing, seen, after, upload["row"]),
    )
    return done


def delete_due_documents(connection: sqlite3.Connection, datasource: int, now: float, limit: int) -> int:
    """Delete up to `limit` documents whose instant has come; return how many."""
    rows = [row["document_row"] for row in connection.execute(_DUE, (datasource, now, limit))]
    if rows:
        delete_documents(connection, datasource, rows)
        connection.executemany("DELETE FROM stale WHERE document_row = ?", ((row,) for row in rows))
    return len(rows)


def has_garbage(connection: sqlite3.Connection) -> bool:
    """Whether there are documents that no search finds any more."""
    return connection.execute("SELECT 1 FROM garbage LIMIT 1").fetchone() is not None


def delete_garbage(connection: sqlite3.Connection, limit: int) -> int:
    """Delete up to `limit` documents that no search finds any more; return how many."""
    done = 0
    while done < limit:
        run = connection.execute("SELECT * FROM garbage ORDER BY upload_row LIMIT 1").fetchone()
        if run is None:
            break
        rows = [
            row["row"]
            for row in connection.execute(
                "SELECT row FROM document WHERE +upload_row = ? AND row >= ? AND row <= ? ORDER BY row LIMIT ?",
                (run["upload_row"], run["next_row"], run["last_row"], limit - done),
            )
        ]
        if rows:
            delete_documents(connection, run["datasource_row"], rows)
            named = (rows[-1] + 1, run["upload_row"])
            connection.execute("UPDATE garbage SET next_row = ? WHERE upload_row = ?", named)
        else:
            connection.execute("DELETE FROM garbage WHERE upload_row = ?", (run["upload_row"],))
        done += len(rows)
    return done


def _due_instant(connection: sqlite3.Connection, upload: sqlite3.Row, *, paused: bool) -> float:
    delay: float = DELETION_PAUSE_S if paused else load_switches(connection).deletion_s
    return float(upload["indexed_at"]) + delay


def _pause(connection: sqlite3.Connection, upload: sqlite3.Row, until: float | None) -> None:
    connection.execute("UPDATE bulk SET paused_until = ? WHERE row = ?", (until, upload["row"]))
