"""Sync jobs: progress follows from stored instants and the clock, so every process on the file sees the same.

No task runs behind a job. The next request after the end of a job finishes it (`processing`): it adds the documents to
the full-text index in batches, each in its own transaction, and serves the run in the last one. Each batch reads the
job again first, so several callers may finish one job at once and each document is still indexed once.
"""

from __future__ import annotations

import json
import math
import secrets
from typing import TYPE_CHECKING, Any, Final

from server.sandbox.state.clock import format_instant
from server.sandbox.state.content.fulltext import add_to_fulltext
from server.sandbox.state.content.uploads import find_upload
from server.sandbox.state.refusals import RefusedError, invalid_field_error
from server.sandbox.state.state import load_setting

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.state.state import SandboxState

PACE_SETTING: Final = "pace"
DEFAULT_PACE: Final = (20_000.0, 0.05)
"""Documents indexed in a second, and the shortest duration of a job in seconds."""
_BATCH: Final = 2_000
_REPLACED: Final = (
    "SELECT document.row FROM document JOIN upload ON upload.row = upload_row"
    " WHERE datasource_row = :datasource AND upload.served"
)
_MERGED: Final = (
    "SELECT document_row AS row FROM served JOIN document ON document.key = served.key"
    " WHERE datasource_row = :datasource AND upload_row = :upload AND document.key <= :last"
)
_OVER: Final = "job.status = 'RUNNING' AND NOT job.hangs AND job.started_at + job.duration <= ?"


def start_sync_job(
    world: SandboxState,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    run: str,
    *,
    incremental: bool,
) -> sqlite3.Row:
    """Return the job of a run, or start one when it has none or only stopped ones.

    Raises:
        RefusedError: `invalid` without authentication or for a run without pages; `sync_running` while another job
            runs.
    """
    if datasource["auth_sha256"] is None:
        raise invalid_field_error("authConfig", "set the authentication of this datasource first")
    upload = find_upload(connection, datasource, run)
    if upload is None:
        raise invalid_field_error(
            "uploadId", "no page of this run was uploaded; an empty page begins a run without documents"
        )
    job = connection.execute(
        "SELECT * FROM job WHERE upload_row = ? AND status != 'STOPPED' ORDER BY row DESC LIMIT 1",
        (upload["row"],),
    ).fetchone()
    is_new = job is None
    if is_new:
        if find_running_sync_job(connection, datasource) is not None:
            raise RefusedError("sync_running", "another sync of this datasource is running")
        job = _insert_job(world, connection, datasource, upload, incremental=incremental)
    detail = {"job": "new" if is_new else "repeated", "incremental": bool(job["incremental"])}
    world.record_effect(connection, "sync.start", datasource=datasource["name"], run=run, detail=detail)
    return _load_job(connection, job["id"])


def load_sync_job(connection: sqlite3.Connection, datasource: sqlite3.Row, job_id: str) -> sqlite3.Row:
    """Load a job of a datasource.

    Raises:
        RefusedError: `not_found` when the datasource has no job of this id.
    """
    job: sqlite3.Row | None = connection.execute(
        "SELECT * FROM job WHERE id = ? AND datasource_row = ?", (job_id, datasource["row"])
    ).fetchone()
    if job is None:
        raise RefusedError("not_found", "there is no job of this id")
    return job


def load_newest_sync_job(connection: sqlite3.Connection, datasource: sqlite3.Row, run: str) -> sqlite3.Row:
    """Load the newest job of a run, even when it was stopped.

    Raises:
        RefusedError: `not_found` when the run has none.
    """
    job: sqlite3.Row | None = connection.execute(
        "SELECT * FROM job WHERE run = ? AND datasource_row = ? ORDER BY row DESC LIMIT 1",
        (run, datasource["row"]),
    ).fetchone()
    if job is None:
        raise RefusedError("not_found", "this run was never synced")
    return job


def find_running_sync_job(connection: sqlite3.Connection, datasource: sqlite3.Row) -> sqlite3.Row | None:
    """Find the running job of a datasource; None when none runs."""
    job: sqlite3.Row | None = connection.execute(
        "SELECT * FROM job WHERE datasource_row = ? AND status = 'RUNNING'", (datasource["row"],)
    ).fetchone()
    return job


def stop_sync_job(world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row) -> list[str]:
    """Stop the running job and return its id in a list; the served content stays. Empty when none was stopped."""
    job = find_running_sync_job(connection, datasource)
    if job is None or job["indexed_to"]:  # over by the clock, and another caller is finishing it
        return []
    now = world.now()
    connection.execute(
        "UPDATE job SET status = 'STOPPED', indexed = ?, finished_at = ? WHERE row = ?",
        (_indexed_count(job, now), now, job["row"]),
    )
    world.record_effect(connection, "sync.stop", datasource=datasource["name"], run=job["run"])
    return [job["id"]]


def sync_job_payload(world: SandboxState, job: sqlite3.Row) -> dict[str, Any]:
    """A job, as the Admin dialect answers it."""
    answer = {
        "job_id": job["id"],
        "uploadId": job["run"],
        "status": job["status"],
        "documentsTotal": job["total"],
        "documentsIndexed": _indexed_count(job, world.now())
        if job["status"] == "RUNNING"
        else job["indexed"],
        "startedAt": format_instant(job["started_at"]),
    }
    if job["finished_at"] is not None:
        answer["finishedAt"] = format_instant(job["finished_at"])
    if job["error"] is not None:
        answer["error"] = job["error"]
    return answer


def load_due_sync_jobs(world: SandboxState, connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """Load the jobs that are over by the clock and not finished, as (id, ended_at), earliest first."""
    return connection.execute(
        # The condition is constant; values are bound.
        "SELECT job.id, job.started_at + job.duration AS ended_at FROM job"  # noqa: S608
        f" WHERE {_OVER} ORDER BY ended_at, row",
        (world.now(),),
    ).fetchall()


def finish_sync_job(world: SandboxState, job_id: str) -> None:
    """Index the documents of a job that is over, and serve them."""
    while _advance_job(world, job_id):
        pass


def start_indexing_job(
    world: SandboxState,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    upload: sqlite3.Row,
    delay_s: float,
) -> int:
    """Start to index a run over the served content, beside any other job; return the job's row.

    The job takes `delay_s` seconds longer than the sandbox's pace says.
    """
    job = _insert_job(world, connection, datasource, upload, incremental=True, delay_s=delay_s)
    return int(job["row"])


def _insert_job(
    world: SandboxState,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    upload: sqlite3.Row,
    *,
    incremental: bool,
    delay_s: float = 0,
) -> sqlite3.Row:
    rate, least = load_setting(connection, PACE_SETTING, DEFAULT_PACE)
    job_id = f"job_{secrets.token_hex(8)}"
    connection.execute(
        "INSERT INTO job (id, datasource_row, upload_row, run, incremental, status, total, started_at, duration)"
        " VALUES (?, ?, ?, ?, ?, 'RUNNING', ?, ?, ?)",
        (
            job_id,
            datasource["row"],
            upload["row"],
            upload["run"],
            incremental,
            upload["total"],
            world.now(),
            delay_s + max(least, upload["total"] / rate),
        ),
    )
    world.hooks.adjust_new_job(connection, datasource["name"], job_id)
    return _load_job(connection, job_id)


def _load_job(connection: sqlite3.Connection, job_id: str) -> sqlite3.Row:
    job: sqlite3.Row = connection.execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone()
    return job


def _indexed_count(job: sqlite3.Row, now: float) -> int:
    share: float = min(1.0, max(0.0, (now - job["started_at"]) / job["duration"])) if job["duration"] else 1.0
    done: int = math.floor((job["total"] - job["loses"]) * share)
    total: int = job["total"]
    return max(0, min(done, total // 2) if job["hangs"] else done)


def _advance_job(world: SandboxState, job_id: str) -> bool:
    """Index one batch of a job that is over, or finish the job; return whether batches are left."""
    with world.database.write() as connection:
        job = connection.execute(
            "SELECT * FROM job WHERE id = ? AND status = 'RUNNING'", (job_id,)
        ).fetchone()
        if job is None:  # another caller finished it, or its datasource was deleted
            return False
        if job["failure"] is not None:
            _end_job(connection, job, "FAILED", 0)
            return False
        indexable = max(0, job["total"] - job["loses"])
        size = min(_BATCH, indexable - job["indexed"])
        batch = connection.execute(
            "SELECT row, key, raw FROM document WHERE upload_row = ? AND key > ? ORDER BY key LIMIT ?",
            (job["upload_row"], job["indexed_to"], size),
        ).fetchall()
        (connector,) = connection.execute(
            "SELECT connector FROM datasource WHERE row = ?", (job["datasource_row"],)
        ).fetchone()
        add_to_fulltext(connection, connector, ((row["row"], row["raw"]) for row in batch))
        indexed = job["indexed"] + len(batch)
        if batch:
            connection.execute(
                "UPDATE job SET indexed = ?, indexed_to = ? WHERE row = ?",
                (indexed, batch[-1]["key"], job["row"]),
            )
        if indexed < indexable and batch:
            return True
        last = batch[-1]["key"] if batch else job["indexed_to"]
        _serve_documents(connection, job, last)
        _end_job(connection, job, "SUCCEEDED", indexed)
        return False


def _serve_documents(connection: sqlite3.Connection, job: sqlite3.Row, last: str) -> None:
    """Serve the run's documents up to key `last`.

    They replace all served documents, or in an incremental job only those with the same keys.
    """
    row = {"datasource": job["datasource_row"], "upload": job["upload_row"], "last": last}
    former = [found["row"] for found in connection.execute(_MERGED if job["incremental"] else _REPLACED, row)]
    row["former"] = json.dumps(former)
    for statement in (
        "DELETE FROM fulltext WHERE rowid IN (SELECT value FROM json_each(:former))",
        "DELETE FROM document WHERE row IN (SELECT value FROM json_each(:former))",
        "DELETE FROM served WHERE document_row IN (SELECT value FROM json_each(:former))",
        (
            "INSERT INTO served (document_row, datasource_row, key)"
            " SELECT row, :datasource, key FROM document WHERE upload_row = :upload AND key <= :last"
        ),
        "UPDATE upload SET served = 1 WHERE row = :upload",
        (
            "UPDATE datasource SET document_count = (SELECT count(*) FROM served WHERE datasource_row = :datasource)"
            " WHERE row = :datasource"
        ),
    ):
        connection.execute(statement, row)


def _end_job(connection: sqlite3.Connection, job: sqlite3.Row, status: str, indexed: int) -> None:
    finished_at = job["started_at"] + job["duration"]
    connection.execute(
        "UPDATE job SET status = ?, indexed = ?, finished_at = ?, error = failure WHERE row = ?",
        (status, indexed, finished_at, job["row"]),
    )
    if status == "SUCCEEDED":
        connection.execute(
            "UPDATE datasource SET last_success_at = ? WHERE row = ?", (finished_at, job["datasource_row"])
        )
