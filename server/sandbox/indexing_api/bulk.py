"""Bulk uploads: one at a time for each datasource and entity, from the first page to the last.

An upload replaces the former content only when it is complete (`processing`). Every answer depends on stored rows only,
so several processes may receive the pages of one upload.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from server.sandbox.state.content.uploads import discard_unserved_upload
from server.sandbox.state.refusals import RefusedError, invalid_field_error

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.indexing_api.shapes import BulkPage
    from server.sandbox.state.refusals import RefusalCode
    from server.sandbox.state.state import SandboxState
    from server.sandbox.state.switches import Switches

DOCUMENTS_ENTITY: Final = "documents"
USERS_ENTITY: Final = "users"


@dataclass(frozen=True, slots=True)
class AcceptedPage:
    """Accepted page: its upload, or None when the page was handled before and nothing is left to do."""

    upload: sqlite3.Row | None


def accept_page(
    world: SandboxState,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    entity: str,
    page: BulkPage,
    switches: Switches,
    *,
    unchecked: bool,
) -> AcceptedPage:
    """Find the upload of a page, or start one with its first page.

    Raises:
        RefusedError: `invalid` when the page fits no upload; `already_exists` (or `invalid`, as switched) while another
            upload is active.
    """
    if page.force_restart_upload and not page.is_first_page:
        raise invalid_field_error("forceRestartUpload", "may be true on the first page only")
    if unchecked and not page.is_last_page:
        raise invalid_field_error("disableStaleDocumentDeletionCheck", "may be true on the last page only")
    active = find_active_bulk_upload(connection, datasource, entity)
    same = active is not None and active["upload_id"] == page.upload_id
    if active is not None and page.force_restart_upload:
        active = _restart_bulk_upload(world, connection, datasource, active, page.upload_id, switches)
    former = connection.execute(
        "SELECT * FROM bulk WHERE datasource_row = ? AND entity = ? AND upload_id = ? AND state <> 'active'",
        (datasource["row"], entity, page.upload_id),
    ).fetchone()
    if former is not None:
        if former["state"] == "complete" and page.is_last_page and switches.forgives_last_page:
            return AcceptedPage(None)
        raise invalid_field_error("uploadId", "no upload of this id is active")
    if active is None and page.is_first_page:
        return AcceptedPage(_insert_bulk_upload(world, connection, datasource, entity, page.upload_id))
    if active is None:
        raise invalid_field_error("uploadId", "no upload of this id is active: begin with a first page")
    if not same:
        code: RefusalCode = "invalid" if switches.refuses_as_bad else "already_exists"
        raise RefusedError(code, "Another upload of this datasource is in progress")
    return AcceptedPage(active)


def find_active_bulk_upload(
    connection: sqlite3.Connection, datasource: sqlite3.Row, entity: str
) -> sqlite3.Row | None:
    """Find the active upload of a datasource and entity; None when there is none."""
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM bulk WHERE datasource_row = ? AND entity = ? AND state = 'active'",
        (datasource["row"], entity),
    ).fetchone()
    return found


def complete_bulk_upload(
    world: SandboxState, connection: sqlite3.Connection, upload: sqlite3.Row, *, unchecked: bool
) -> sqlite3.Row:
    """Complete an upload after its last page, and return it as stored."""
    connection.execute(
        "UPDATE bulk SET state = 'complete', ended_at = ?, unchecked = ? WHERE row = ?",
        (world.now(), unchecked, upload["row"]),
    )
    return load_bulk_upload(connection, upload["row"])


def load_bulk_upload(connection: sqlite3.Connection, row: int) -> sqlite3.Row:
    """Load an upload by its row."""
    found: sqlite3.Row = connection.execute("SELECT * FROM bulk WHERE row = ?", (row,)).fetchone()
    return found


def load_bulk_history(
    connection: sqlite3.Connection, datasource: sqlite3.Row, entity: str, switches: Switches
) -> list[sqlite3.Row]:
    """Load the uploads of the history, with abandoned ones (which have no end) as the switches say."""
    order = "row" if switches.tells_oldest_first else "substr(upload_id, -3), row"
    return connection.execute(
        # The order is one of two constants; values are bound.
        "SELECT * FROM bulk WHERE datasource_row = ? AND entity = ? AND (state <> 'given up' OR ?)"  # noqa: S608
        f" ORDER BY {order}",
        (datasource["row"], entity, switches.tells_given_up),
    ).fetchall()


def _insert_bulk_upload(
    world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row, entity: str, upload_id: str
) -> sqlite3.Row:
    cursor = connection.execute(
        "INSERT INTO bulk (datasource_row, entity, upload_id, state, started_at) VALUES (?, ?, ?, 'active', ?)",
        (datasource["row"], entity, upload_id, world.now()),
    )
    return load_bulk_upload(connection, int(cursor.lastrowid or 0))


def _restart_bulk_upload(
    world: SandboxState,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    active: sqlite3.Row,
    upload_id: str,
    switches: Switches,
) -> sqlite3.Row | None:
    """Handle a first page with forceRestartUpload: return the upload that is active afterwards, if any."""
    if active["upload_id"] != upload_id:
        _abandon_bulk_upload(world, connection, datasource, active)
        return None
    if not switches.restart_forgets:
        return active
    discard_unserved_upload(world, connection, datasource, upload_id)
    connection.execute("UPDATE bulk SET upload_row = NULL WHERE row = ?", (active["row"],))
    return load_bulk_upload(connection, active["row"])


def _abandon_bulk_upload(
    world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row, upload: sqlite3.Row
) -> None:
    discard_unserved_upload(world, connection, datasource, upload["upload_id"])
    connection.execute("UPDATE bulk SET state = 'given up' WHERE row = ?", (upload["row"],))
