"""What Glean tells of a datasource and of its documents to whoever debugs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET

from server.sandbox.indexing import bulk, identities
from server.sandbox.indexing.datasources import config_of, visibility
from server.sandbox.indexing.documents import key_of, may_see, read
from server.sandbox.instants import instant

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.indexing.shapes import Debugged
    from server.sandbox.world import World

_UPLOADED: Final = """
SELECT substr(key, 1, instr(key, char(31)) - 1) AS type, count(DISTINCT key) AS number
FROM document JOIN upload ON upload.row = upload_row WHERE datasource_row = ? GROUP BY type
"""
_INDEXED: Final = """
SELECT substr(key, 1, instr(key, char(31)) - 1) AS type, count(*) AS number
FROM served WHERE datasource_row = ? GROUP BY type
"""


def of_datasource(world: World, connection: sqlite3.Connection, datasource: sqlite3.Row) -> dict[str, Any]:
    """`DebugDatasourceStatusResponse`."""
    row = datasource["row"]
    return {
        "documents": {
            "bulkUploadHistory": [
                _event(world, connection, each)
                for each in bulk.history(connection, datasource, bulk.DOCUMENTS)
            ],
            "counts": {
                "uploaded": _counts(connection, datasource, _UPLOADED),
                "indexed": _counts(connection, datasource, _INDEXED),
            },
            "processingHistory": _processed(connection, row),
        },
        "identity": {
            "users": {
                "bulkUploadHistory": [
                    _event(world, connection, each)
                    for each in bulk.history(connection, datasource, bulk.USERS)
                ],
                "counts": {"uploaded": identities.count(connection, row)},
            },
        },
        "datasourceVisibility": visibility(datasource),
    }


def of_document(connection: sqlite3.Connection, datasource: sqlite3.Row, asked: Debugged) -> dict[str, Any]:
    """`DebugDocumentResponse`."""
    key = key_of(asked.object_type, asked.doc_id)
    uploaded = connection.execute(
        "SELECT document.raw FROM document JOIN upload ON upload.row = upload_row"
        " WHERE datasource_row = ? AND key = ? ORDER BY document.row DESC LIMIT 1",
        (datasource["row"], key),
    ).fetchone()
    served = connection.execute(
        "SELECT 1 FROM served WHERE datasource_row = ? AND key = ?", (datasource["row"], key)
    ).fetchone()
    status = {
        "uploadStatus": "UPLOADED" if uploaded else "NOT_UPLOADED",
        "indexingStatus": "INDEXED" if served else "NOT_INDEXED",
    }
    if uploaded is None:
        return {"status": status}
    permissions = read(uploaded["raw"]).permissions
    status["permissionIdentityStatus"] = "UPLOADED"
    answer: dict[str, Any] = {"status": status}
    if permissions is not UNSET:
        answer["uploadedPermissions"] = msgspec.to_builtins(permissions)
    return answer


def has_access(connection: sqlite3.Connection, datasource: sqlite3.Row, asked: Debugged, email: str) -> bool:
    """Whether that user finds that document."""
    somebody = connection.execute(
        "SELECT user_id FROM identity WHERE datasource_row = ? AND email = ? AND active",
        (datasource["row"], email.casefold()),
    ).fetchone()
    served = connection.execute(
        "SELECT raw FROM served JOIN document ON document.row = document_row"
        " WHERE datasource_row = ? AND served.key = ?",
        (datasource["row"], key_of(asked.object_type, asked.doc_id)),
    ).fetchone()
    if somebody is None or served is None:
        return False
    return may_see(read(served["raw"]), email.casefold(), somebody["user_id"])


def _event(world: World, connection: sqlite3.Connection, upload: sqlite3.Row) -> dict[str, str]:
    over = upload["ended_at"] is not None
    return {
        "uploadId": upload["upload_id"],
        "startTime": instant(upload["started_at"]),
        "endTime": instant(upload["ended_at"]) if over else "NA",
        "status": "SUCCESSFUL" if over else "ACTIVE",
        "processingState": _state(world, connection, upload),
    }


def _state(world: World, connection: sqlite3.Connection, upload: sqlite3.Row) -> str:
    if upload["ended_at"] is None:
        return "UPLOAD IN PROGRESS" if upload["upload_row"] else "UPLOAD STARTED"
    if upload["paused_until"] is not None and world.now() < upload["paused_until"]:
        return "DELETION PAUSED"
    job = connection.execute("SELECT status FROM job WHERE row = ?", (upload["job_row"],)).fetchone()
    return "INDEXING COMPLETED" if job is None or job["status"] == "SUCCEEDED" else "UPLOAD COMPLETED"


def _counts(connection: sqlite3.Connection, datasource: sqlite3.Row, question: str) -> list[dict[str, Any]]:
    definitions = config_of(datasource).object_definitions
    names = {each.name.casefold(): each.name for each in definitions or ()}
    return [
        {"objectType": names.get(row["type"], row["type"]), "count": row["number"]}
        for row in connection.execute(question, (datasource["row"],))
    ]


def _processed(connection: sqlite3.Connection, datasource: int) -> list[dict[str, str]]:
    rows = connection.execute(
        "SELECT started_at, finished_at FROM job WHERE datasource_row = ? AND status IN ('RUNNING', 'SUCCEEDED')",
        (datasource,),
    )
    return [
        {"startTime": instant(row["started_at"])}
        | ({} if row["finished_at"] is None else {"endTime": instant(row["finished_at"])})
        for row in rows
    ]
