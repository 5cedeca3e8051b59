"""The operations of the Indexing dialect, and how it words a refusal: in plain text, the first problem only."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec

from server.sandbox import uploads
from server.sandbox.answers import Answer, RefusedError, invalid
from server.sandbox.indexing import bulk, datasources, identities, processing, rates, status
from server.sandbox.indexing.documents import Checker
from server.sandbox.indexing.reading import Reader
from server.sandbox.indexing.shapes import (
    Access,
    BetaUsers,
    DatasourceConfig,
    DebugDocuments,
    Debugged,
    DocumentPage,
    NamesDatasource,
    OneDocument,
    OneUser,
    SeveralDocuments,
    SingleDocument,
    SingleUser,
    UserPage,
)
from server.sandbox.indexing.switches import switches
from server.sandbox.pipeline import Call, Operation
from server.sandbox.world import setting, store_setting

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from server.sandbox.world import World

PAGE_DOCUMENTS: Final = 1_000
PAGE_BYTES: Final = 5 * 1024 * 1024
PROCESS_EVERY_S: Final = 3 * 3600.0
_BAD: Final = frozenset({"invalid", "not_found"})


def refuse(refusal: RefusedError) -> Answer:
    """A refusal as Glean's Indexing API words it."""
    code = HTTPStatus.BAD_REQUEST if refusal.code in _BAD else refusal.status
    return Answer(status=code, text=refusal.message, headers=refusal.headers)


def add_datasource(world: World, call: Call) -> Answer:
    """Register a datasource, or override all of its configuration."""
    with world.database.write() as connection:
        rates.spend(world, connection, rates.OTHER)
        switched = switches(connection)
        config = Reader(switched).read(DatasourceConfig, call.body)
        datasources.register(world, connection, config, switched)
    return Answer()


def get_datasource_config(world: World, call: Call) -> Answer:
    """The configuration of a datasource."""
    return _look(world, call, NamesDatasource, lambda _connection, found, _asked: datasources.echoed(found))


def beta_users(world: World, call: Call) -> Answer:
    """Say who may see a datasource that is not yet for all."""
    with world.database.write() as connection:
        asked, found = _about(world, connection, call, BetaUsers)
        world.record(connection, "betausers", datasource=found["name"], detail={"users": len(asked.emails)})
    return Answer()


def bulk_documents(world: World, call: Call) -> Answer:
    """One page of a bulk upload."""
    processing.settle(world)
    with world.database.write() as connection:
        rates.spend(world, connection, rates.BULK)
        reader = Reader(switches(connection))
        page = reader.read(DocumentPage, call.body)
        _fits(len(page.documents))
        found = datasources.known(connection, page.datasource)
        keyed = Checker(connection, found, reader).keyed(page.documents)
        unchecked = page.disable_stale_document_deletion_check
        taken = bulk.take(
            world, connection, found, bulk.DOCUMENTS, page, switches(connection), unchecked=unchecked
        )
        if taken.upload is not None:
            _store(world, connection, found, taken.upload, keyed)
            if page.is_last_page:
                _end(world, connection, found, taken.upload, unchecked=unchecked)
    return Answer()


def bulk_users(world: World, call: Call) -> Answer:
    """One page of a bulk upload of users."""
    with world.database.write() as connection:
        rates.spend(world, connection, rates.BULK)
        page = Reader(switches(connection)).read(UserPage, call.body)
        _fits(len(page.users))
        found = datasources.known(connection, page.datasource)
        unchecked = page.disable_stale_data_deletion_check
        taken = bulk.take(
            world, connection, found, bulk.USERS, page, switches(connection), unchecked=unchecked
        )
        if taken.upload is not None:
            upload = taken.upload
            identities.put(connection, found["row"], upload["row"], page.users)
            world.record(
                connection,
                "bulkindexusers",
                datasource=found["name"],
                run=page.upload_id,
                detail={"received": len(page.users)},
            )
            if page.is_last_page:
                identities.only(connection, found["row"], upload["row"])
                bulk.end(world, connection, upload, unchecked=unchecked)
    return Answer()


def index_user(world: World, call: Call) -> Answer:
    """Add or change one user."""
    with world.database.write() as connection:
        asked, found = _about(world, connection, call, SingleUser)
        identities.put(connection, found["row"], None, [asked.user])
        world.record(connection, "indexuser", datasource=found["name"])
    return Answer()


def delete_user(world: World, call: Call) -> Answer:
    """Forget one user; absent is fine."""
    with world.database.write() as connection:
        asked, found = _about(world, connection, call, OneUser)
        identities.remove(connection, found["row"], asked.email)
        world.record(connection, "deleteuser", datasource=found["name"])
    return Answer()


def index_document(world: World, call: Call) -> Answer:
    """Add or change one document."""
    with world.database.write() as connection:
        rates.spend(world, connection, rates.SINGLE)
        reader = Reader(switches(connection))
        raw = reader.read(SingleDocument, call.body).document
        name = msgspec.json.decode(raw, type=NamesAnything).datasource
        _add(world, connection, reader, name, [raw])
    processing.settle(world)
    return Answer()


def index_documents(world: World, call: Call) -> Answer:
    """Add or change several documents."""
    with world.database.write() as connection:
        rates.spend(world, connection, rates.SINGLE)
        reader = Reader(switches(connection))
        asked = reader.read(SeveralDocuments, call.body)
        _fits(len(asked.documents))
        _add(world, connection, reader, asked.datasource, asked.documents)
    processing.settle(world)
    return Answer()


def delete_document(world: World, call: Call) -> Answer:
    """Delete one document; absent is fine."""
    processing.settle(world)
    with world.database.write() as connection:
        asked, found = _about(world, connection, call, OneDocument)
        was = processing.delete(world, connection, found, asked.object_type, asked.id)
        world.record(connection, "deletedocument", datasource=found["name"], detail={"deleted": int(was)})
    return Answer()


def process_all(world: World, call: Call) -> Answer:
    """Ask for everything to be processed; refused when that was asked for lately."""
    with world.database.write() as connection:
        _, found = _about(world, connection, call, NamesDatasource)
        name = f"indexing.processed.{found['row']}"
        last = setting(connection, name, None)
        if last is not None and world.now() < last + PROCESS_EVERY_S:
            raise RefusedError("rate_limited", "processalldocuments may be called once in three hours")
        store_setting(connection, name, world.now())
        world.record(connection, "processalldocuments", datasource=found["name"])
    return Answer()


def debug_status(world: World, call: Call) -> Answer:
    """How a datasource is."""
    processing.settle(world)
    with world.database.read() as connection:
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


def check_access(world: World, call: Call) -> Answer:
    """Whether somebody finds a document."""
    processing.settle(world)

    def answer(connection: sqlite3.Connection, found: sqlite3.Row, asked: Access) -> dict[str, Any]:
        about = Debugged(object_type=asked.object_type, doc_id=asked.doc_id)
        return {"hasAccess": status.has_access(connection, found, about, asked.user_email)}

    return _look(world, call, Access, answer)


class NamesAnything(msgspec.Struct):
    """A document, of which only the datasource is wanted."""

    datasource: str = ""


def _about(
    world: World, connection: sqlite3.Connection, call: Call, kind: type[Any]
) -> tuple[Any, sqlite3.Row]:
    rates.spend(world, connection, rates.OTHER)
    asked = Reader(switches(connection)).read(kind, call.body)
    return asked, datasources.known(connection, asked.datasource)


def _look(
    world: World,
    call: Call,
    kind: type[Any],
    answer: Callable[[sqlite3.Connection, sqlite3.Row, Any], dict[str, Any]],
) -> Answer:
    with world.database.write() as connection:
        asked, found = _about(world, connection, call, kind)
        return Answer(payload=answer(connection, found, asked))


def _fits(number: int) -> None:
    if number > PAGE_DOCUMENTS:
        raise RefusedError("too_large", f"a page has {PAGE_DOCUMENTS} items at most, not {number}")


def _store(
    world: World,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    upload: sqlite3.Row,
    page: dict[str, bytes],
) -> None:
    uploads.store(world, connection, datasource, upload["upload_id"], page, operation="bulkindexdocuments")
    held = uploads.find(connection, datasource, upload["upload_id"])
    assert held is not None  # noqa: S101 - stored just now
    connection.execute("UPDATE bulk SET upload_row = ? WHERE row = ?", (held["row"], upload["row"]))


def _end(
    world: World,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    upload: sqlite3.Row,
    *,
    unchecked: bool,
) -> None:
    ended = bulk.end(world, connection, upload, unchecked=unchecked)
    job = processing.begin(world, connection, datasource, ended["upload_row"])
    connection.execute(
        "UPDATE bulk SET job_row = ?, old_total = ? WHERE row = ?",
        (job, datasource["document_count"], upload["row"]),
    )


def _add(
    world: World, connection: sqlite3.Connection, reader: Reader, name: str, raw: list[msgspec.Raw]
) -> None:
    rates.spend(world, connection, rates.DOCUMENTS, len(raw))
    if not name:
        raise invalid("document.datasource", "is required")
    found = datasources.known(connection, name)
    keyed = Checker(connection, found, reader).keyed(raw)
    (number,) = connection.execute("SELECT count(*) FROM upload").fetchone()
    run = f"single-{number}-{world.now():.6f}"
    uploads.store(world, connection, found, run, keyed, operation="indexdocuments")
    held = uploads.find(connection, found, run)
    assert held is not None  # noqa: S101 - stored just now
    processing.begin(world, connection, found, held["row"])


INDEXING_OPERATIONS: Final = (
    Operation(name="adddatasource", method="POST", path="/adddatasource", act=add_datasource),
    Operation(
        name="getdatasourceconfig", method="POST", path="/getdatasourceconfig", act=get_datasource_config
    ),
    Operation(name="betausers", method="POST", path="/betausers", act=beta_users),
    Operation(
        name="bulkindexdocuments",
        method="POST",
        path="/bulkindexdocuments",
        act=bulk_documents,
        body_limit=PAGE_BYTES,
    ),
    Operation(name="bulkindexusers", method="POST", path="/bulkindexusers", act=bulk_users),
    Operation(name="indexuser", method="POST", path="/indexuser", act=index_user),
    Operation(name="deleteuser", method="POST", path="/deleteuser", act=delete_user),
    Operation(
        name="indexdocument",
        method="POST",
        path="/indexdocument",
        act=index_document,
        body_limit=PAGE_BYTES,
    ),
    Operation(
        name="indexdocuments",
        method="POST",
        path="/indexdocuments",
        act=index_documents,
        body_limit=PAGE_BYTES,
    ),
    Operation(name="deletedocument", method="POST", path="/deletedocument", act=delete_document),
    Operation(name="processalldocuments", method="POST", path="/processalldocuments", act=process_all),
    Operation(name="debug.status", method="POST", path="/debug/{datasource}/status", act=debug_status),
    Operation(
        name="debug.documents", method="POST", path="/debug/{datasource}/documents", act=debug_documents
    ),
    Operation(name="debug.document", method="POST", path="/debug/{datasource}/document", act=debug_document),
    Operation(name="checkdocumentaccess", method="POST", path="/checkdocumentaccess", act=check_access),
)
"""Every operation that a client of ours, or of Glean's, relies on."""
