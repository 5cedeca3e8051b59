"""Status of a datasource and of its documents, as Glean's debug operations answer it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET

from server.sandbox.indexing_api.bulk import DOCUMENTS_ENTITY, USERS_ENTITY, load_bulk_history
from server.sandbox.indexing_api.datasources import datasource_visibility, decode_config
from server.sandbox.indexing_api.documents import decode_document, has_only_known_users
from server.sandbox.indexing_api.users import count_users, load_user_keys
from server.sandbox.state.clock import format_instant
from server.sandbox.state.content.contents import document_key
from server.sandbox.state.content.permissions import may_see
from server.sandbox.state.state import load_setting, store_setting
from server.sandbox.state.switches import load_switches

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.indexing_api.shapes import DebugDocumentRequest
    from server.sandbox.state.state import SandboxState

_UPLOADED: Final = "SELECT type, uploaded AS number FROM tally WHERE datasource_row = ? AND uploaded > 0"
_INDEXED: Final = "SELECT type, indexed AS number FROM tally WHERE datasource_row = ? AND indexed > 0"
_NEWEST: Final = """
SELECT document.raw, ifnull((SELECT min(started_at) FROM job WHERE job.upload_row = document.upload_row),
    (SELECT started_at FROM bulk WHERE bulk.upload_row = document.upload_row)) AS uploaded_at
FROM document JOIN upload ON upload.row = upload_row
WHERE datasource_row = :datasource AND key = :key ORDER BY document.row DESC LIMIT 1
"""
_SERVED: Final = """
SELECT (SELECT max(finished_at) FROM job WHERE job.upload_row = document.upload_row) AS finished_at
FROM served JOIN document ON document.row = document_row
WHERE served.datasource_row = :datasource AND served.key = :key
"""


def datasource_status_payload(
    world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row
) -> dict[str, Any]:
    """`DebugDatasourceStatusResponse`."""
    row, switches = datasource["row"], load_switches(connection)
    return {
        "documents": {
            "bulkUploadHistory": [
                _upload_event(world, connection, each)
                for each in load_bulk_history(connection, datasource, DOCUMENTS_ENTITY, switches)
            ],
            "counts": {
                "uploaded": _uploaded_counts(world, connection, datasource),
                "indexed": _counts_by_type(connection, datasource, _INDEXED),
            },
            "processingHistory": _processing_history(connection, row),
        },
        "identity": {
            "users": {
                "bulkUploadHistory": [
                    _upload_event(world, connection, each)
                    for each in load_bulk_history(connection, datasource, USERS_ENTITY, switches)
                ],
                "counts": {"uploaded": count_users(connection, row)},
            },
        },
        "datasourceVisibility": datasource_visibility(datasource),
    }


def document_status_payload(
    connection: sqlite3.Connection, datasource: sqlite3.Row, document_id: DebugDocumentRequest
) -> dict[str, Any]:
    """`DebugDocumentResponse`."""
    key = {"datasource": datasource["row"], "key": document_key(document_id.object_type, document_id.doc_id)}
    uploaded = connection.execute(_NEWEST, key).fetchone()
    served = connection.execute(_SERVED, key).fetchone()
    status: dict[str, Any] = {
        "uploadStatus": "UPLOADED" if uploaded else "NOT_UPLOADED",
        "indexingStatus": "INDEXED" if served else "NOT_INDEXED",
    }
    for name, at in (
        ("lastUploadedAt", uploaded and uploaded["uploaded_at"]),
        ("lastIndexedAt", served and served["finished_at"]),
    ):
        if at is not None:
            status[name] = format_instant(at)
    if uploaded is None:
        return {"status": status}
    document = decode_document(uploaded["raw"])
    known = has_only_known_users(document, *load_user_keys(connection, datasource["row"]))
    status["permissionIdentityStatus"] = "UPLOADED" if known else "NOT_UPLOADED"
    answer: dict[str, Any] = {"status": status}
    if document.permissions is not UNSET:
        answer["uploadedPermissions"] = msgspec.to_builtins(document.permissions)
    return answer


def has_access(
    connection: sqlite3.Connection, datasource: sqlite3.Row, document_id: DebugDocumentRequest, email: str
) -> bool:
    """Whether the user of this e-mail address finds a document."""
    user = connection.execute(
        "SELECT user_id FROM identity WHERE datasource_row = ? AND email = ? AND active",
        (datasource["row"], email.casefold()),
    ).fetchone()
    served = connection.execute(
        "SELECT raw FROM served JOIN document ON document.row = document_row"
        " WHERE datasource_row = ? AND served.key = ?",
        (datasource["row"], document_key(document_id.object_type, document_id.doc_id)),
    ).fetchone()
    if user is None or served is None:
        return False
    return may_see(served["raw"], email.casefold(), user["user_id"])


def _upload_event(world: SandboxState, connection: sqlite3.Connection, upload: sqlite3.Row) -> dict[str, str]:
    is_complete = upload["ended_at"] is not None
    return {
        "uploadId": upload["upload_id"],
        "startTime": format_instant(upload["started_at"]),
        "endTime": format_instant(upload["ended_at"]) if is_complete else "NA",
        "status": "SUCCESSFUL" if is_complete else "ACTIVE",
        "processingState": _processing_state(world, connection, upload),
    }


def _processing_state(world: SandboxState, connection: sqlite3.Connection, upload: sqlite3.Row) -> str:
    if upload["ended_at"] is None:
        return "UPLOAD IN PROGRESS" if upload["upload_row"] else "UPLOAD STARTED"
    if upload["paused_until"] is not None and world.now() < upload["paused_until"]:
        return "DELETION PAUSED"
    job = connection.execute("SELECT status FROM job WHERE row = ?", (upload["job_row"],)).fetchone()
    return "INDEXING COMPLETED" if job is None or job["status"] == "SUCCEEDED" else "UPLOAD COMPLETED"


def _uploaded_counts(
    world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row
) -> list[dict[str, Any]]:
    """Counts of uploaded documents by type. They may be old, because Glean answers the same counts for a while."""
    lag, now = load_switches(connection).counts_lag_s, world.now()
    name = f"indexing.uploaded.{datasource['row']}"
    at, cached = load_setting(connection, name, None) or (-math.inf, [])
    if now < at + lag:
        return list(cached)
    counted = _counts_by_type(connection, datasource, _UPLOADED)
    if lag:
        store_setting(connection, name, (now, counted))
    return counted


def _counts_by_type(
    connection: sqlite3.Connection, datasource: sqlite3.Row, question: str
) -> list[dict[str, Any]]:
    definitions = decode_config(datasource).object_definitions
    names = {each.name.casefold(): each.name for each in definitions or ()}
    return [
        {"objectType": names.get(row["type"], row["type"]), "count": row["number"]}
        for row in connection.execute(question, (datasource["row"],))
    ]


def _processing_history(connection: sqlite3.Connection, datasource: int) -> list[dict[str, str]]:
    rows = connection.execute(
        "SELECT started_at, finished_at FROM job WHERE datasource_row = ? AND status IN ('RUNNING', 'SUCCEEDED')",
        (datasource,),
    )
    return [
        {"startTime": format_instant(row["started_at"])}
        | ({} if row["finished_at"] is None else {"endTime": format_instant(row["finished_at"])})
        for row in rows
    ]
