"""Sync jobs: progress follows from stored instants and the clock, so every process on the file sees the same.

A job that is over by the clock is finished in steps (`processing`), each in its own transaction: the run's documents
are added to the full-text index, and then served. A full sync serves the run in place of all others in one instant. An
incremental one, as of an upload in the Indexing dialect, serves it in batches over what is served. Where a step begins
is stored with the run, so any process goes on where another one died, and several may finish one job at once.
"""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING, Any, Final

from server.sandbox.state.clock import SET_BACK_S, format_instant
from server.sandbox.state.content.search.fulltext import add_to_fulltext
from server.sandbox.state.content.uploads import (
    count_indexed,
    delete_documents,
    find_upload,
    throw_documents_away,
)
from server.sandbox.state.refusals import RefusedError, invalid_field_error
from server.sandbox.state.state import load_setting

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.state.state import SandboxState

PACE_SETTING: Final = "pace"
DEFAULT_PACE: Final = (20_000.0, 0.05)
"""Documents indexed in a second, and the shortest duration of a job in seconds."""
OVER: Final = (
    "job.status = 'RUNNING' AND NOT job.hangs"
    f" AND (job.started_at + job.duration <= :now OR job.started_at > :now + {SET_BACK_S})"
)
"""The condition of a job that is over by the clock, and not finished; of one of the future, too (`SET_BACK_S`)."""
# The plus keeps SQLite from the index of keys: the rows of a run lie together.
_ROWS: Final = (
    "SELECT row, raw FROM document WHERE +upload_row = :upload AND row > :after AND row <= :last"
    " ORDER BY row LIMIT :limit"
)
_REPLACED: Final = (
    "SELECT old.row FROM document AS new CROSS JOIN upload ON datasource_row = :datasource"
    " AND upload.row <> :upload AND served_row > 0 AND held > 0"
    " CROSS JOIN document AS old ON old.upload_row = upload.row AND old.key = new.key"
    " WHERE +new.upload_row = :upload AND new.row > :after AND new.row <= :last AND old.row <= served_row"
)


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
    if job is None:
        return []
    now = world.now()
    connection.execute(
        "UPDATE job SET status = 'STOPPED', indexed = ?, finished_at = ? WHERE row = ?",
        (_indexed_count(world, connection, job), now, job["row"]),
    )
    world.record_effect(connection, "sync.stop", datasource=datasource["name"], run=job["run"])
    return [job["id"]]


def sync_job_payload(world: SandboxState, connection: sqlite3.Connection, job: sqlite3.Row) -> dict[str, Any]:
    """A job, as the Admin dialect answers it."""
    answer = {
        "job_id": job["id"],
        "uploadId": job["run"],
        "status": job["status"],
        "documentsTotal": job["total"],
        "documentsIndexed": _indexed_count(world, connection, job)
        if job["status"] == "RUNNING"
        else job["indexed"],
        "startedAt": format_instant(job["started_at"]),
    }
    if job["finished_at"] is not None:
        answer["finishedAt"] = format_instant(job["finished_at"])
    if job["error"] is not None:
        answer["error"] = job["error"]
    return answer


def find_due_sync_job(
    world: SandboxState, connection: sqlite3.Connection, datasource: int
) -> sqlite3.Row | None:
    """Find the job of a datasource that is over by the clock and not finished, as (id, ended_at): the earliest."""
    found: sqlite3.Row | None = connection.execute(
        # The condition is constant; values are bound.
        "SELECT job.id, job.started_at + job.duration AS ended_at FROM job"  # noqa: S608
        f" WHERE {OVER} AND datasource_row = :datasource ORDER BY ended_at, row LIMIT 1",
        {"now": world.now(), "datasource": datasource},
    ).fetchone()
    return found


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


def _indexed_count(world: SandboxState, connection: sqlite3.Connection, job: sqlite3.Row) -> int:
    """The documents that a running job has indexed: as the clock says, and of many no more than there really are."""
    now = world.now()
    share: float = min(1.0, max(0.0, (now - job["started_at"]) / job["duration"])) if job["duration"] else 1.0
    done: int = math.floor((job["total"] - job["loses"]) * share)
    total: int = job["total"]
    shown = max(0, min(done, total // 2) if job["hangs"] else done)
    if total <= world.batch:
        return shown
    upload = connection.execute("SELECT indexed FROM upload WHERE row = ?", (job["upload_row"],)).fetchone()
    return min(shown, upload["indexed"]) if upload is not None else shown


def find_upload_to_index(world: SandboxState, connection: sqlite3.Connection) -> int | None:
    """Find a run of many documents that can be indexed before its sync is over or begins, so that they are ready."""
    found = connection.execute(
        "SELECT row FROM upload WHERE NOT served AND total > ? AND indexed_row < last_row ORDER BY row LIMIT 1",
        (world.batch,),
    ).fetchone()
    return None if found is None else int(found["row"])


def index_batch(connection: sqlite3.Connection, upload_row: int, limit: int) -> int:
    """Add up to `limit` more documents of a run to the full-text index; return how many were added."""
    upload = connection.execute("SELECT * FROM upload WHERE row = ?", (upload_row,)).fetchone()
    if upload is None:  # discarded meanwhile
        return 0
    batch = connection.execute(_ROWS, {**_after(upload, "indexed_row"), "limit": limit}).fetchall()
    if batch:
        (connector,) = connection.execute(
            "SELECT connector FROM datasource WHERE row = ?", (upload["datasource_row"],)
        ).fetchone()
        add_to_fulltext(connection, connector, ((row["row"], row["raw"]) for row in batch))
        connection.execute(
            "UPDATE upload SET indexed = indexed + ?, indexed_row = ? WHERE row = ?",
            (len(batch), batch[-1]["row"], upload_row),
        )
    return len(batch)


def advance_sync_job(world: SandboxState, connection: sqlite3.Connection, job_id: str, limit: int) -> int:
    """Do the next step of a job that is over by the clock, of up to `limit` documents; return of how many it was.

    A job that was finished or stopped meanwhile, or whose datasource was deleted, has no step.
    """
    job = _load_running_job(connection, job_id)
    if job is None:
        return 0
    if job["failure"] is not None:
        _end_job(world, connection, job, "FAILED", 0)
        return 0
    done = index_batch(connection, job["upload_row"], limit)
    if done == limit:  # there may be more
        return done
    upload = _load_upload_of(connection, job)
    last = _last_to_serve(connection, job, upload)
    indexed = max(0, min(upload["indexed"], job["total"] - job["loses"]))
    if not job["incremental"]:
        _serve_alone(connection, upload, last, indexed)
    else:
        merged = _serve_batch(connection, upload, last, limit)
        done += merged
        if merged == limit:
            return done
    connection.execute("UPDATE upload SET served = 1 WHERE row = ?", (upload["row"],))
    _end_job(world, connection, job, "SUCCEEDED", indexed)
    return done


def _load_running_job(connection: sqlite3.Connection, job_id: str) -> sqlite3.Row | None:
    job: sqlite3.Row | None = connection.execute(
        "SELECT * FROM job WHERE id = ? AND status = 'RUNNING'", (job_id,)
    ).fetchone()
    return job


def _load_upload_of(connection: sqlite3.Connection, job: sqlite3.Row) -> sqlite3.Row:
    upload: sqlite3.Row = connection.execute(
        "SELECT * FROM upload WHERE row = ?", (job["upload_row"],)
    ).fetchone()
    return upload


def _after(upload: sqlite3.Row, done: str) -> dict[str, int]:
    """The rows of a run after those that are done."""
    after = max(upload[done], upload["first_row"] - 1)
    return {"upload": upload["row"], "after": after, "last": upload["last_row"]}


def _last_to_serve(connection: sqlite3.Connection, job: sqlite3.Row, upload: sqlite3.Row) -> int:
    """The last row that a job serves: the last of the run, but for those that a test has the job lose."""
    if not job["loses"]:
        return int(upload["last_row"])
    kept = max(0, job["total"] - job["loses"])
    whole = {"upload": upload["row"], "after": 0, "last": upload["last_row"], "limit": kept}
    rows = connection.execute(_ROWS, whole).fetchall()
    return int(rows[-1]["row"]) if rows else 0


def _serve_alone(connection: sqlite3.Connection, upload: sqlite3.Row, last: int, number: int) -> None:
    """Serve a run up to a row, and so many documents, in place of every other run of its datasource."""
    for other in connection.execute(
        "SELECT * FROM upload WHERE datasource_row = ? AND served AND held > 0 AND row <> ?",
        (upload["datasource_row"], upload["row"]),
    ).fetchall():
        throw_documents_away(connection, other)
    connection.execute("UPDATE upload SET served_row = ? WHERE row = ?", (last, upload["row"]))
    connection.execute(
        "UPDATE datasource SET document_count = ? WHERE row = ?", (number, upload["datasource_row"])
    )


def _serve_batch(connection: sqlite3.Connection, upload: sqlite3.Row, last: int, limit: int) -> int:
    """Serve up to `limit` more documents of a run, up to a row; they replace served documents with the same keys."""
    rows = {**_after(upload, "served_row"), "last": last, "limit": limit}
    batch = [row["row"] for row in connection.execute(_ROWS, rows)]
    if batch:
        named = {**rows, "last": batch[-1], "datasource": upload["datasource_row"]}
        former = [row["row"] for row in connection.execute(_REPLACED, named)]
        if former:
            delete_documents(connection, upload["datasource_row"], former)
        connection.execute("UPDATE upload SET served_row = ? WHERE row = ?", (batch[-1], upload["row"]))
        count_indexed(connection, upload["datasource_row"], batch)
    return len(batch)


def _end_job(
    world: SandboxState, connection: sqlite3.Connection, job: sqlite3.Row, status: str, indexed: int
) -> None:
    finished_at = min(job["started_at"] + job["duration"], world.now())
    connection.execute(
        "UPDATE job SET status = ?, indexed = ?, finished_at = ?, error = failure WHERE row = ?",
        (status, indexed, finished_at, job["row"]),
    )
    if status == "SUCCEEDED":
        connection.execute(
            "UPDATE datasource SET last_success_at = ? WHERE row = ?", (finished_at, job["datasource_row"])
        )
