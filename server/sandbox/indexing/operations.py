"""The operations of the Indexing dialect, and how it words a refusal: in plain text, the first problem only."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET

from server.sandbox import uploads
from server.sandbox.answers import Answer, RefusedError, invalid
from server.sandbox.indexing import (
    addresses,
    asking,
    bulk,
    datasources,
    identities,
    processing,
    rates,
    rotating,
)
from server.sandbox.indexing.asking import about
from server.sandbox.indexing.documents import Checker
from server.sandbox.indexing.reading import Reader
from server.sandbox.indexing.shapes import (
    BetaUsers,
    DatasourceConfig,
    DocumentPage,
    OneDocument,
    OneUser,
    Processed,
    SeveralDocuments,
    SingleDocument,
    SingleUser,
    UserPage,
)
from server.sandbox.indexing.switches import switches
from server.sandbox.pipeline import SMALL_BODY, Operation

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from server.sandbox.pipeline import Call
    from server.sandbox.world import World

PAGE_DOCUMENTS: Final = 1_000
PAGE_BYTES: Final = 5 * 1024 * 1024
_BAD: Final = frozenset({"invalid", "not_found"})


def refuse(refusal: RefusedError) -> Answer:
    """A refusal as Glean's Indexing API words it."""
    code = HTTPStatus.BAD_REQUEST if refusal.code in _BAD else refusal.status
    return Answer(status=code, text=refusal.message, headers=refusal.headers)


def add_datasource(world: World, call: Call) -> Answer:
    """Register a datasource, or override all of its configuration."""
    with world.database.write() as connection:
        switched = switches(connection)
        config = Reader(switched).read(DatasourceConfig, call.body)
        addresses.suspect(world, connection, datasources.register(world, connection, config, switched))
    return Answer()


def beta_users(world: World, call: Call) -> Answer:
    """Say who may see a datasource that is not yet for all."""
    with world.database.write() as connection:
        asked, found = about(connection, call, BetaUsers)
        world.record(connection, "betausers", datasource=found["name"], detail={"users": len(asked.emails)})
    return Answer()


def bulk_documents(world: World, call: Call) -> Answer:
    """One page of a bulk upload."""
    processing.settle(world)
    with world.database.write() as connection:
        page = Reader(switches(connection)).read(DocumentPage, call.body)
        _fits(len(page.documents))
        found = datasources.known(connection, page.datasource)
        keyed = _checked(world, connection, found, page.documents)
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
        asked, found = about(connection, call, SingleUser)
        identities.put(connection, found["row"], None, [asked.user])
        world.record(connection, "indexuser", datasource=found["name"])
    return Answer()


def delete_user(world: World, call: Call) -> Answer:
    """Forget one user; absent is fine."""
    with world.database.write() as connection:
        asked, found = about(connection, call, OneUser)
        identities.remove(connection, found["row"], asked.email)
        world.record(connection, "deleteuser", datasource=found["name"])
    return Answer()


def index_document(world: World, call: Call) -> Answer:
    """Add or change one document."""
    with world.database.write() as connection:
        raw = Reader(switches(connection)).read(SingleDocument, call.body).document
        name = msgspec.json.decode(raw, type=NamesAnything).datasource
        _add(world, connection, call, name, [raw])
    processing.settle(world)
    return Answer()


def index_documents(world: World, call: Call) -> Answer:
    """Add or change several documents."""
    with world.database.write() as connection:
        asked = Reader(switches(connection)).read(SeveralDocuments, call.body)
        _fits(len(asked.documents))
        _add(world, connection, call, asked.datasource, asked.documents)
    processing.settle(world)
    return Answer()


def delete_document(world: World, call: Call) -> Answer:
    """Delete one document; absent is fine."""
    processing.settle(world)
    with world.database.write() as connection:
        asked, found = about(connection, call, OneDocument)
        was = processing.delete(world, connection, found, asked.object_type, asked.id)
        world.record(connection, "deletedocument", datasource=found["name"], detail={"deleted": int(was)})
    return Answer()


def process_all(world: World, call: Call) -> Answer:
    """Have everything processed at once, of one datasource or of all; refused when that was asked for lately."""
    with world.database.write() as connection:
        asked = Reader(switches(connection)).read(Processed, call.body or b"{}")
        found = None if asked.datasource is UNSET else datasources.known(connection, asked.datasource)
        processing.hasten(world, connection, found)
    processing.settle(world)
    return Answer()


class NamesAnything(msgspec.Struct):
    """A document, of which only the datasource is wanted."""

    datasource: str = ""


def _fits(number: int) -> None:
    if number > PAGE_DOCUMENTS:
        raise RefusedError("too_large", f"a page has {PAGE_DOCUMENTS} items at most, not {number}")


def _checked(
    world: World, connection: sqlite3.Connection, datasource: sqlite3.Row, raw: list[msgspec.Raw]
) -> dict[str, bytes]:
    checker = Checker(connection, datasource, Reader(switches(connection)))
    keyed = checker.keyed(raw)
    if checker.contested is not None:
        addresses.report(world, connection, datasource, *checker.contested)
    return keyed


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


def _add(world: World, connection: sqlite3.Connection, call: Call, name: str, raw: list[msgspec.Raw]) -> None:
    rates.spend(world, connection, call, rates.DOCUMENTS, len(raw))
    if not name:
        raise invalid("document.datasource", "is required")
    found = datasources.known(connection, name)
    keyed = _checked(world, connection, found, raw)
    (number,) = connection.execute("SELECT count(*) FROM upload").fetchone()
    run = f"single-{number}-{world.now():.6f}"
    uploads.store(world, connection, found, run, keyed, operation="indexdocuments")
    held = uploads.find(connection, found, run)
    assert held is not None  # noqa: S101 - stored just now
    processing.begin(world, connection, found, held["row"], single=True)


def _operation(
    act: Callable[[World, Call], Answer],
    path: str,
    *buckets: rates.Bucket,
    name: str | None = None,
    body_limit: int = SMALL_BODY,
) -> Operation:
    return Operation(
        name=name or path.strip("/"),
        method="POST",
        path=path,
        act=rates.limited(act, *buckets),
        body_limit=body_limit,
    )


INDEXING_OPERATIONS: Final = (
    _operation(add_datasource, "/adddatasource"),
    _operation(asking.datasource_config, "/getdatasourceconfig"),
    _operation(beta_users, "/betausers"),
    _operation(bulk_documents, "/bulkindexdocuments", body_limit=PAGE_BYTES),
    _operation(bulk_users, "/bulkindexusers"),
    _operation(index_user, "/indexuser"),
    _operation(delete_user, "/deleteuser"),
    _operation(index_document, "/indexdocument", rates.SINGLE, body_limit=PAGE_BYTES),
    _operation(index_documents, "/indexdocuments", rates.SINGLE, body_limit=PAGE_BYTES),
    _operation(delete_document, "/deletedocument"),
    _operation(process_all, "/processalldocuments"),
    _operation(asking.debug_status, "/debug/{datasource}/status", name="debug.status"),
    _operation(asking.debug_documents, "/debug/{datasource}/documents", name="debug.documents"),
    _operation(asking.debug_document, "/debug/{datasource}/document", name="debug.document"),
    _operation(asking.document_access, "/checkdocumentaccess"),
    _operation(rotating.rotate_token, "/rotatetoken"),
)
"""Every operation that a client of ours, or of Glean's, relies on."""
