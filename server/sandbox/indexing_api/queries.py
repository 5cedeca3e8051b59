"""Operations of the Indexing dialect that change nothing, and the reader of requests that name a datasource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.sandbox.http.body_reader import BodyReader
from server.sandbox.http.responses import ApiResponse
from server.sandbox.indexing_api.datasources import config_payload, load_custom_datasource
from server.sandbox.indexing_api.shapes import (
    DatasourceRequest,
    DebugDocumentRequest,
    DebugDocumentsRequest,
    DocumentAccessRequest,
)
from server.sandbox.indexing_api.status import datasource_status_payload, document_status_payload, has_access
from server.sandbox.state.content.processing import advance_due_work
from server.sandbox.state.switches import load_switches

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.http.operation import ApiRequest
    from server.sandbox.state.state import SandboxState


def read_datasource_request(
    connection: sqlite3.Connection, call: ApiRequest, kind: type[Any]
) -> tuple[Any, sqlite3.Row]:
    """Read the body as a `kind`, and load the datasource that it names. Raises RefusedError `invalid`."""
    request = BodyReader(load_switches(connection)).read(kind, call.body)
    return request, load_custom_datasource(connection, request.datasource)


def get_datasource_config(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer the configuration of a datasource."""
    with world.database.read() as connection:
        _, found = read_datasource_request(connection, call, DatasourceRequest)
        return ApiResponse(payload=config_payload(found))


def get_datasource_status(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer the status of a datasource."""
    advance_due_work(world)
    with world.database.write() as connection:
        found = load_custom_datasource(connection, call.path["datasource"])
        return ApiResponse(payload=datasource_status_payload(world, connection, found))


def get_document_statuses(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer the status of several documents."""
    advance_due_work(world)
    with world.database.read() as connection:
        request = BodyReader(load_switches(connection)).read(DebugDocumentsRequest, call.body)
        found = load_custom_datasource(connection, call.path["datasource"])
        return ApiResponse(
            payload={
                "documentStatuses": [
                    {
                        "docId": each.doc_id,
                        "objectType": each.object_type,
                        "debugInfo": document_status_payload(connection, found, each),
                    }
                    for each in request.debug_documents
                ]
            }
        )


def get_document_status(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer the status of one document."""
    advance_due_work(world)
    with world.database.read() as connection:
        request = BodyReader(load_switches(connection)).read(DebugDocumentRequest, call.body)
        found = load_custom_datasource(connection, call.path["datasource"])
        return ApiResponse(payload=document_status_payload(connection, found, request))


def check_document_access(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer whether a user finds a document."""
    advance_due_work(world)
    with world.database.read() as connection:
        request, found = read_datasource_request(connection, call, DocumentAccessRequest)
        document = DebugDocumentRequest(object_type=request.object_type, doc_id=request.doc_id)
        return ApiResponse(payload={"hasAccess": has_access(connection, found, document, request.user_email)})
