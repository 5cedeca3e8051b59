"""Processing of a complete upload: its documents are indexed, and served documents that it lacks are deleted.

Both follow from stored instants and the clock. Indexing is a sync job (`server.sandbox.state.content.sync_jobs`);
documents to be deleted are in the table `stale`, with the instant of their deletion.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final

from server.sandbox.state.content.contents import CUSTOM_CONNECTOR, document_key
from server.sandbox.state.content.sync_jobs import finish_sync_job, load_due_sync_jobs, start_indexing_job
from server.sandbox.state.refusals import RefusedError
from server.sandbox.state.state import load_setting, store_setting
from server.sandbox.state.switches import load_switches

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.state.state import SandboxState

DELETION_PAUSE_S: Final = 7 * 86_400.0
"""Seconds that Glean waits before it deletes more than a fifth of the documents of a datasource."""
_FIFTH: Final = 5
PROCESS_ALL_INTERVAL_S: Final = 3 * 3600.0
_PROCESS_ALL_SETTING: Final = "indexing.processed"
_MISSING_DOCUMENTS: Final = """
SELECT document_row FROM served JOIN document ON document.row = document_row
WHERE served.datasource_row = :datasource AND document.upload_row < :upload
  AND served.key NOT IN (SELECT key FROM document WHERE upload_row = :upload)
"""
_EXPEDITE_JOBS: Final = """
UPDATE job SET duration = min(duration, ?1 - started_at)
WHERE status = 'RUNNING' AND datasource_row IN (SELECT row FROM datasource WHERE connector = ?3 AND ifnull(row = ?2, 1))
"""
_UNSETTLED: Final = (
    "SELECT 1 FROM bulk JOIN job ON job.row = job_row WHERE settled = 0 AND job.status = 'SUCCEEDED'"
)
_MARK_STALE: Final = """
INSERT INTO stale (document_row, datasource_row, due_at) VALUES (?, ?, ?)
ON CONFLICT (document_row) DO UPDATE SET due_at = min(due_at, excluded.due_at)
"""
_EARLIEST: Final = "SELECT min(due_at) FROM stale WHERE due_at <= ?"
_DUE: Final = "SELECT document_row FROM stale WHERE datasource_row = ? AND due_at <= ?"


def start_indexing(
    world: SandboxState,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    upload_row: int,
    *,
    single: bool = False,
) -> int:
    """Start to index the documents of a run, and return the row of the job.

    `single` is for documents that were sent outside of uploads, which have a delay of their own.
    """
    upload = connection.execute("SELECT * FROM upload WHERE row = ?", (upload_row,)).fetchone()
    switches = load_switches(connection)
    return start_indexing_job(
        world, connection, datasource, upload, switches.single_s if single else switches.indexing_s
    )


def expedite_indexing(
    world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row | None
) -> None:
    """Index pending documents as soon as a single one would be, of one datasource or (None) of all.

    Raises:
        RefusedError: `rate_limited` when the last call for this datasource, or for all, is less than three hours ago.
    """
    switches, now = load_switches(connection), world.now()
    own = _PROCESS_ALL_SETTING if datasource is None else f"{_PROCESS_ALL_SETTING}.{datasource['row']}"
    for name in {_PROCESS_ALL_SETTING, own}:
        left = load_setting(connection, name, -PROCESS_ALL_INTERVAL_S) + PROCESS_ALL_INTERVAL_S - now
        if left > 0:
            headers = {"Retry-After": str(math.ceil(left))} if switches.tells_retry_after else {}
            raise RefusedError(
                "rate_limited", "processalldocuments may be called once in three hours", headers=headers
            )
    store_setting(connection, own, now)
    connection.execute(
        _EXPEDITE_JOBS,
        (now + switches.single_s, None if datasource is None else datasource["row"], CUSTOM_CONNECTOR),
    )
    world.record_effect(
        connection, "processalldocuments", datasource=None if datasource is None else datasource["name"]
    )


def complete_due_work(world: SandboxState) -> None:
    """Finish all jobs and deletions that are due by now, in the order of their instants.

    Operations call this first. The order makes the state depend on the clock alone, and not on when somebody calls.
    """
    while (due := _next_due(world)) is not None:
        instant, job_id = due
        if job_id is not None:
            finish_sync_job(world, job_id)
        with world.database.write() as connection:
            _schedule_stale_deletions(connection)
            if job_id is None:
                _delete_due_documents(connection, instant)


def _next_due(world: SandboxState) -> tuple[float, str | None] | None:
    """The work that is due first: its instant, and its job, which is None for a deletion. None when nothing is due.

    An upload that is indexed but not settled counts as a deletion that is due: the process that indexed it ended before
    it could schedule the deletions.
    """
    with world.database.read() as connection:
        if connection.execute(_UNSETTLED).fetchone() is not None:
            return -math.inf, None
        job = next(iter(load_due_sync_jobs(world, connection)), None)
        (due,) = connection.execute(_EARLIEST, (world.now(),)).fetchone()
    if job is not None and (due is None or job["ended_at"] <= due):
        return float(job["ended_at"]), str(job["id"])
    return None if due is None else (float(due), None)


def delete_indexed_document(
    world: SandboxState,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    object_type: str,
    document_id: str,
) -> bool:
    """Delete one document; return whether it was served."""
    key = document_key(object_type, document_id)
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
    due = world.now() + load_switches(connection).deletion_s
    connection.execute(_MARK_STALE, (found["document_row"], datasource["row"], due))
    _delete_due_documents(connection, world.now())
    return True


def _schedule_stale_deletions(connection: sqlite3.Connection) -> None:
    """Schedule the deletion of served documents that a newly indexed upload lacks."""
    for each in connection.execute(
        "SELECT bulk.*, job.started_at + job.duration AS indexed_at FROM bulk JOIN job ON job.row = job_row"
        " WHERE settled = 0 AND job.status = 'SUCCEEDED' ORDER BY bulk.row"
    ).fetchall():
        missing = [
            row["document_row"]
            for row in connection.execute(
                _MISSING_DOCUMENTS, {"datasource": each["datasource_row"], "upload": each["upload_row"]}
            )
        ]
        paused = not each["unchecked"] and len(missing) * _FIFTH > each["old_total"]
        due = each["indexed_at"] + (DELETION_PAUSE_S if paused else load_switches(connection).deletion_s)
        connection.executemany(
            _MARK_STALE,
            ((row, each["datasource_row"], due) for row in missing),
        )
        connection.execute(
            "UPDATE bulk SET settled = 1, paused_until = ? WHERE row = ?",
            (due if paused else None, each["row"]),
        )


def _delete_due_documents(connection: sqlite3.Connection, now: float) -> None:
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
