"""Processing: what is due by the clock is done, in steps of bounded size.

Jobs index and serve documents (`sync_jobs`), and what is not served any more is deleted (`deletions`). Of one
datasource everything is done in the order of its instants, so the state depends on the clock alone, and not on when
somebody calls.

A request does one step's worth of what is due and leaves the rest to the background (`SandboxState.background`), so no
request waits for a million documents; the status says meanwhile that the sync is running. Every step is a transaction
of its own that stores where the next one begins: when a process dies, the next request to any process goes on there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from server.sandbox.state.clock import SET_BACK_S
from server.sandbox.state.content.contents import CUSTOM_CONNECTOR, document_key
from server.sandbox.state.content.deletions import (
    UNSETTLED,
    delete_due_documents,
    delete_garbage,
    find_due_deletion,
    find_unsettled_upload,
    has_garbage,
    mark_stale,
    settle_upload,
)
from server.sandbox.state.content.sync_jobs import (
    OVER,
    advance_sync_job,
    find_due_sync_job,
    find_upload_to_index,
    index_batch,
    start_indexing_job,
)
from server.sandbox.state.content.uploads import delete_documents
from server.sandbox.state.refusals import RefusedError
from server.sandbox.state.state import load_setting, store_setting
from server.sandbox.state.switches import load_switches

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.state.state import SandboxState

PROCESS_ALL_INTERVAL_S: Final = 3 * 3600.0
_PROCESS_ALL_SETTING: Final = "indexing.processed"
_EXPEDITE_JOBS: Final = """
UPDATE job SET duration = min(duration, ?1 - started_at)
WHERE status = 'RUNNING' AND datasource_row IN (SELECT row FROM datasource WHERE connector = ?3 AND ifnull(row = ?2, 1))
"""
_DUE_DATASOURCES: Final = f"""
SELECT row FROM datasource WHERE
    EXISTS (SELECT 1 FROM bulk JOIN job ON job.row = job_row
        WHERE bulk.datasource_row = datasource.row AND {UNSETTLED})
    OR EXISTS (SELECT 1 FROM job WHERE job.datasource_row = datasource.row AND {OVER})
    OR EXISTS (SELECT 1 FROM stale WHERE stale.datasource_row = datasource.row AND due_at <= :now)
ORDER BY row
"""  # noqa: S608 - constants only; values are bound


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
        last = load_setting(connection, name, -PROCESS_ALL_INTERVAL_S)
        left = last + PROCESS_ALL_INTERVAL_S - now
        if left > 0 and last <= now + SET_BACK_S:
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


def advance_due_work(world: SandboxState) -> None:
    """Do a step's worth of what is due, and leave more than that to the background. Operations call this first.

    While the background is at work, it does everything.
    """
    if world.background.is_busy():
        return
    left = world.batch
    while left > 0 and (due := _load_due_datasources(world)):
        left -= _advance_datasource(world, due[0], left)
    if left > 0:
        left -= _delete_garbage(world, left)
    if left <= 0 or _find_upload_to_index(world) is not None:
        world.background.start()


def complete_due_work(world: SandboxState) -> None:
    """Do everything that is due, however long that takes."""
    while work_in_background(world):
        pass


def work_in_background(world: SandboxState) -> bool:
    """Do a step for each datasource, one of what is garbage, and one of what can be done before it is due.

    Returns whether there was anything to do.
    """
    due = _load_due_datasources(world)
    for each in due:
        _advance_datasource(world, each, world.batch)
    deleted = _delete_garbage(world, world.batch)
    upload = _find_upload_to_index(world)
    if upload is not None:
        with world.database.write() as connection:
            index_batch(connection, upload, world.batch)
    return bool(due) or deleted > 0 or upload is not None


def _load_due_datasources(world: SandboxState) -> list[int]:
    """The datasources of which something is due, the oldest first."""
    with world.database.read() as connection:
        return [row["row"] for row in connection.execute(_DUE_DATASOURCES, {"now": world.now()})]


def _advance_datasource(world: SandboxState, datasource: int, limit: int) -> int:
    """Do the next step of a datasource, of up to `limit` documents; return of how many it was.

    An upload that is indexed and of which it is not known what it lacks comes first: its deletions may be due already.
    Another caller may have done the step meanwhile.
    """
    with world.database.write() as connection:
        upload = find_unsettled_upload(connection, datasource)
        if upload is not None:
            return settle_upload(connection, upload, limit)
        job = find_due_sync_job(world, connection, datasource)
        due = find_due_deletion(connection, datasource, world.now())
        if job is not None and (due is None or job["ended_at"] <= due):
            return advance_sync_job(world, connection, job["id"], limit)
        return 0 if due is None else delete_due_documents(connection, datasource, due, limit)


def _delete_garbage(world: SandboxState, limit: int) -> int:
    with world.database.read() as connection:
        if not has_garbage(connection):
            return 0
    with world.database.write() as connection:
        return delete_garbage(connection, limit)


def _find_upload_to_index(world: SandboxState) -> int | None:
    with world.database.read() as connection:
        return find_upload_to_index(world, connection)


def delete_indexed_document(
    world: SandboxState,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    object_type: str,
    document_id: str,
) -> bool:
    """Delete one document; return whether it was served."""
    key = document_key(object_type, document_id)
    waiting = connection.execute(
        "SELECT document.row FROM upload JOIN document ON upload_row = upload.row"
        " WHERE datasource_row = ? AND key = ? AND document.row > served_row",
        (datasource["row"], key),
    ).fetchall()
    delete_documents(connection, datasource["row"], [row["row"] for row in waiting])
    found = connection.execute(
        "SELECT document_row FROM served WHERE datasource_row = ? AND key = ?", (datasource["row"], key)
    ).fetchone()
    if found is None:
        return False
    now = world.now()
    mark_stale(
        connection,
        datasource["row"],
        found["document_row"],
        now + load_switches(connection).deletion_s,
    )
    delete_due_documents(connection, datasource["row"], now, world.batch)
    return True
