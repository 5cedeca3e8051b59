"""Health of a datasource: status, last successful sync, errors of the last day, freshness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from server.sandbox.state.clock import format_instant
from server.sandbox.state.content.sync_jobs import find_running_sync_job
from server.sandbox.state.datasources import datasource_status

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.state.state import SandboxState

_DAY_SECONDS: Final = 86_400


def observe_health(
    world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row
) -> dict[str, Any]:
    """The health of a datasource, as the Admin dialect answers it."""
    now = world.now()
    status, message = datasource_status(connection, datasource), None
    if status == "UNHEALTHY":
        message = f"the last sync failed: {_last_error(connection, datasource)}"
    (failed,) = connection.execute(
        "SELECT count(*) FROM job WHERE datasource_row = ? AND status = 'FAILED' AND finished_at > ?",
        (datasource["row"], now - _DAY_SECONDS),
    ).fetchone()
    answer: dict[str, Any] = {
        "status": status,
        "errorCount24h": failed,
        "documentCount": datasource["document_count"],
    }
    if datasource["last_success_at"] is not None:
        answer["lastSuccessfulSync"] = format_instant(datasource["last_success_at"])
        answer["freshnessSeconds"] = max(0, int(now - datasource["last_success_at"]))
    running = find_running_sync_job(connection, datasource)
    if running is not None:
        answer["runningJob"] = running["id"]
    if message is not None:
        answer["message"] = message
    return answer


def _last_error(connection: sqlite3.Connection, datasource: sqlite3.Row) -> str:
    row = connection.execute(
        "SELECT error FROM job WHERE datasource_row = ? AND status = 'FAILED' ORDER BY row DESC LIMIT 1",
        (datasource["row"],),
    ).fetchone()
    return str(row["error"])
