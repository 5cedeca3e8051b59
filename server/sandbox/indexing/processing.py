"""What happens to an upload once it has ended: its documents are indexed, and those that it lacks are deleted.

Both follow from stored instants and the clock. The indexing is a job like any other of the sandbox
(`server.sandbox.jobs`); what has to go afterwards stands in `stale` with the instant at which it is gone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from server.sandbox import jobs
from server.sandbox.indexing.documents import key_of
from server.sandbox.indexing.switches import switches

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.world import World

PAUSE_S: Final = 7 * 86_400.0
"""How long Glean waits before it deletes more than a fifth of what a datasource has."""
_FIFTH: Final = 5

_LACKING: Final = """
SELECT document_row FROM served JOIN document ON document.row = document_row
WHERE served.datasource_row = :datasource AND document.upload_row < :upload
  AND served.key NOT IN (SELECT key FROM document WHERE upload_row = :upload)
"""
_DUE: Final = "SELECT document_row FROM stale WHERE datasource_row = ? AND due_at <= ?"


def begin(world: World, connection: sqlite3.Connection, datasource: sqlite3.Row, upload_row: int) -> int:
    """Have the documents of a run indexed; the number of the job."""
    upload = connection.execute("SELECT * FROM upload WHERE row = ?", (upload_row,)).fetchone()
    delay = switches(connection).indexing_s
    return jobs.index(world, connection, datasource, upload, delay)


def settle(world: World) -> None:
    """Bring what is over by now to its end."""
    jobs.settle(world)
    with world.database.read() as connection:
        ended = connection.execute(
            "SELECT 1 FROM bulk JOIN job ON job.row = job_row WHERE settled = 0 AND job.status = 'SUCCEEDED'"
            " UNION ALL SELECT 1 FROM stale WHERE due_at <= ? LIMIT 1",
            (world.now(),),
        ).fetchone()
    if ended is None:
        return
    with world.database.write() as connection:
        _condemn(connection)
        _delete(world, connection)


def delete(
    world: World, connection: sqlite3.Connection, datasource: sqlite3.Row, object_type: str, document_id: str
) -> bool:
    """Delete one document; whether there was one."""
    key = key_of(object_type, document_id)
    connection.execute(
        "DELETE FROM document WHERE key = ? AND row NOT IN (SELECT document_row FROM served)"
        " AND upload_row IN (SELECT row FROM upload WHERE datasource_row = ?)",
        (key, datasource["row"]),
    )
    found = connection.execute(
        "SELECT document_row FROM served WHERE datasource_row = ? AND key = ?", (datasource["row"], key)
    ).fetchone()
    if found is None:
        return False
    due = world.now() + switches(connection).deletion_s
    connection.execute(
        "INSERT OR REPLACE INTO stale VALUES (?, ?, ?)", (found["document_row"], datasource["row"], due)
    )
    _delete(world, connection)
    return True


def _condemn(connection: sqlite3.Connection) -> None:
    """Say when the documents go that the uploads which were just indexed lack."""
    for each in connection.execute(
        "SELECT bulk.*, job.started_at + job.duration AS indexed_at FROM bulk JOIN job ON job.row = job_row"
        " WHERE settled = 0 AND job.status = 'SUCCEEDED' ORDER BY bulk.row"
    ).fetchall():
        lacking = [
            row["document_row"]
            for row in connection.execute(
                _LACKING, {"datasource": each["datasource_row"], "upload": each["upload_row"]}
            )
        ]
        paused = not each["unchecked"] and len(lacking) * _FIFTH > each["old_total"]
        due = each["indexed_at"] + (PAUSE_S if paused else switches(connection).deletion_s)
        connection.executemany(
            "INSERT OR REPLACE INTO stale VALUES (?, ?, ?)",
            ((row, each["datasource_row"], due) for row in lacking),
        )
        connection.execute(
            "UPDATE bulk SET settled = 1, paused_until = ? WHERE row = ?",
            (due if paused else None, each["row"]),
        )


def _delete(world: World, connection: sqlite3.Connection) -> None:
    now = world.now()
    for (datasource,) in connection.execute(
        "SELECT DISTINCT datasource_row FROM stale WHERE due_at <= ?", (now,)
    ).fetchall():
        gone = json.dumps([row["document_row"] for row in connection.execute(_DUE, (datasource, now))])
        for statement in (
            "DELETE FROM fulltext WHERE rowid IN (SELECT value FROM json_each(:gone))",
            "DELETE FROM served WHERE document_row IN (SELECT value FROM json_each(:gone))",
            "DELETE FROM document WHERE row IN (SELECT value FROM json_each(:gone))",
            "DELETE FROM stale WHERE document_row IN (SELECT value FROM json_each(:gone))",
            (
                "UPDATE datasource SET document_count = (SELECT count(*) FROM served WHERE datasource_row = :row)"
                " WHERE row = :row"
            ),
        ):
            connection.execute(statement, {"gone": gone, "row": datasource})
