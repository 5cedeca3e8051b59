"""The operations of the Indexing dialect that change nothing, and what they share with those that do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.sandbox.answers import ApiResponse
from server.sandbox.indexing import datasources, processing, status
from server.sandbox.indexing.reading import BodyReader
from server.sandbox.indexing.shapes import (
    DatasourceRequest,
    DebugDocumentRequest,
    DebugDocumentsRequest,
    DocumentAccessRequest,
)
from server.sandbox.indexing.switches import load_switches

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.pipeline import ApiRequest
    from server.sandbox.world import SandboxState


def read_datasource_request(
    connection: sqlite3.Connection, call: ApiRequest, kind: type[Any]
) -> tuple[Any, sqlite3.Row]:
    """The body, read as a `kind`, and the datasource that it names. Raises RefusedError `invalid`."""
    asked = BodyReader(load_switches(connection)).read(kind, call.body)
    return asked, datasources.load_custom_datasource(connection, asked.datasource)


def get_datasource_config(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """The configuration of a datasource."""
    with world.database.read() as connection:
        _, found = read_datasource_request(connection, call, DatasourceRequest)
        return ApiResponse(payload=datasources.config_payload(found))


def get_datasource_status(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """How a datasource is."""
    processing.complete_due_work(world)
    with world.database.write() as connection:
        found = datasources.load_custom_datasource(connection, call.path["datasource"])
        return ApiResponse(payload=status.datasource_status_payload(world, connection, found))


def get_document_statuses(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """How some documents are."""
    processing.complete_due_work(world)
    with world.database.read() as connection:
        asked = BodyReader(load_switches(connection)).read(DebugDocumentsRequest, call.body)
        found = datasources.load_custom_datasource(connection, call.path["datasource"])
        return ApiResponse(
            payload={
                "documentStatuses": [
                    {
                        "docId": each.doc_id,
                        "objectType": each.object_type,
                        "debugInfo": status.document_status_payload(connection, found, each),
                    }
                    for each in asked.debug_documents
                ]
            }
        )


def get_document_status(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """How one document is."""
    processing.complete_due_work(world)
    with world.database.read() as connection:
        asked = BodyReader(load_switches(connection)).read(DebugDocumentRequest, call.body)
        found = datasources.load_custom_datasource(connection, call.path["datasource"])
        return ApiResponse(payload=status.document_status_payload(connection, found, asked))


def check_document_access(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Whether somebody finds a document."""
    processing.complete_due_work(world)
    with world.database.read() as connection:
        asked, found = read_datasource_request(connection, call, DocumentAccessRequest)
        document = DebugDocumentRequest(object_type=asked.object_type, doc_id=asked.doc_id)
        return ApiResponse(
            payload={"hasAccess": status.has_access(connection, found, document, asked.user_email)}
        )
