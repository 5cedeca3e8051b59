"""The operations of the Indexing dialect that change nothing, and what they share with those that do."""

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
from server.sandbox.state.content.processing import complete_due_work
from server.sandbox.state.switches import load_switches

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.http.operation import ApiRequest
    from server.sandbox.state.state import SandboxState


def read_datasource_request(
    connection: sqlite3.Connection, call: ApiRequest, kind: type[Any]
) -> tuple[Any, sqlite3.Row]:
    """The body, read as a `kind`, and the datasource that it names. Raises RefusedError `invalid`."""
    asked = BodyReader(load_switches(connection)).read(kind, call.body)
    return asked, load_custom_datasource(connection, asked.datasource)


def get_datasource_config(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """The configuration of a datasource."""
    with world.database.read() as connection:
        _, found = read_datasource_request(connection, call, DatasourceRequest)
        return ApiResponse(payload=config_payload(found))


def get_datasource_status(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """How a datasource is."""
    complete_due_work(world)
    with world.database.write() as connection:
        found = load_custom_datasource(connection, call.path["datasource"])
        return ApiResponse(payload=datasource_status_payload(world, connection, found))


def get_document_statuses(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """How some documents are."""
    complete_due_work(world)
    with world.database.read() as connection:
        asked = BodyReader(load_switches(connection)).read(DebugDocumentsRequest, call.body)
        found = load_custom_datasource(connection, call.path["datasource"])
        return ApiResponse(
            payload={
                "documentStatuses": [
                    {
                        "docId": each.doc_id,
                        "objectType": each.object_type,
                        "debugInfo": document_status_payload(connection, found, each),
                    }
                    for each in asked.debug_documents
                ]
            }
        )


def get_document_status(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """How one document is."""
    complete_due_work(world)
    with world.database.read() as connection:
        asked = BodyReader(load_switches(connection)).read(DebugDocumentRequest, call.body)
        found = load_custom_datasource(connection, call.path["datasource"])
        return ApiResponse(payload=document_status_payload(connection, found, asked))


def check_document_access(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Whether somebody finds a document."""
    complete_due_work(world)
    with world.database.read() as connection:
        asked, found = read_datasource_request(connection, call, DocumentAccessRequest)
        document = DebugDocumentRequest(object_type=asked.object_type, doc_id=asked.doc_id)
        return ApiResponse(payload={"hasAccess": has_access(connection, found, document, asked.user_email)})
