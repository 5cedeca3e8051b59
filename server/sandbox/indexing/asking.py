"""The operations of the Indexing dialect that change nothing, and what they share with those that do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.sandbox.answers import Answer
from server.sandbox.indexing import datasources, processing, status
from server.sandbox.indexing.reading import Reader
from server.sandbox.indexing.shapes import Access, DebugDocuments, Debugged, NamesDatasource
from server.sandbox.indexing.switches import switches

if TYPE_CHECKING:
    import sqlite3

    from server.sandbox.pipeline import Call
    from server.sandbox.world import World


def about(connection: sqlite3.Connection, call: Call, kind: type[Any]) -> tuple[Any, sqlite3.Row]:
    """The body, read as a `kind`, and the datasource that it names. Raises RefusedError `invalid`."""
    asked = Reader(switches(connection)).read(kind, call.body)
    return asked, datasources.known(connection, asked.datasource)


def datasource_config(world: World, call: Call) -> Answer:
    """The configuration of a datasource."""
    with world.database.read() as connection:
        _, found = about(connection, call, NamesDatasource)
        return Answer(payload=datasources.echoed(found))


def debug_status(world: World, call: Call) -> Answer:
    """How a datasource is."""
    processing.settle(world)
    with world.database.write() as connection:
        found = datasources.known(connection, call.path["datasource"])
        return Answer(payload=status.of_datasource(world, connection, found))


def debug_documents(world: World, call: Call) -> Answer:
    """How some documents are."""
    processing.settle(world)
    with world.database.read() as connection:
        asked = Reader(switches(connection)).read(DebugDocuments, call.body)
        found = datasources.known(connection, call.path["datasource"])
        return Answer(
            payload={
                "documentStatuses": [
                    {
                        "docId": each.doc_id,
                        "objectType": each.object_type,
                        "debugInfo": status.of_document(connection, found, each),
                    }
                    for each in asked.debug_documents
                ]
            }
        )


def debug_document(world: World, call: Call) -> Answer:
    """How one document is."""
    processing.settle(world)
    with world.database.read() as connection:
        asked = Reader(switches(connection)).read(Debugged, call.body)
        found = datasources.known(connection, call.path["datasource"])
        return Answer(payload=status.of_document(connection, found, asked))


def document_access(world: World, call: Call) -> Answer:
    """Whether somebody finds a document."""
    processing.settle(world)
    with world.database.read() as connection:
        asked, found = about(connection, call, Access)
        document = Debugged(object_type=asked.object_type, doc_id=asked.doc_id)
        return Answer(payload={"hasAccess": status.has_access(connection, found, document, asked.user_email)})
