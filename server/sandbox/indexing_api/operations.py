"""Operations of the Indexing dialect, and its refusals: plain text with the first problem only."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET

from domain.model import decode_json
from server.sandbox.http.body_reader import BodyReader
from server.sandbox.http.operation import DEFAULT_BODY_LIMIT, Operation
from server.sandbox.http.rate_limits import (
    DOCUMENTS_BUCKET,
    SINGLE_DOCUMENT_BUCKET,
    RateBucket,
    consume_rate_limit,
    rate_limited_handler,
)
from server.sandbox.http.responses import STATUS_OF, ApiResponse
from server.sandbox.indexing_api.bulk import DOCUMENTS_ENTITY, USERS_ENTITY, accept_page, complete_bulk_upload
from server.sandbox.indexing_api.datasources import load_custom_datasource, register_datasource
from server.sandbox.indexing_api.documents import DocumentValidator
from server.sandbox.indexing_api.queries import (
    check_document_access,
    get_datasource_config,
    get_datasource_status,
    get_document_status,
    get_document_statuses,
    read_datasource_request,
)
from server.sandbox.indexing_api.shapes import (
    BetaUsersRequest,
    BulkIndexDocumentsRequest,
    BulkIndexUsersRequest,
    DatasourceConfig,
    DeleteDocumentRequest,
    DeleteUserRequest,
    IndexDocumentRequest,
    IndexDocumentsRequest,
    IndexUserRequest,
    ProcessAllDocumentsRequest,
)
from server.sandbox.indexing_api.token_rotation import rotate_token
from server.sandbox.indexing_api.urls import report_config_overlap, report_document_overlap
from server.sandbox.indexing_api.users import (
    delete_user_by_email,
    delete_users_of_other_uploads,
    upsert_users,
)
from server.sandbox.state.content.processing import (
    advance_due_work,
    delete_indexed_document,
    expedite_indexing,
    start_indexing,
)
from server.sandbox.state.content.uploads import load_upload, store_upload_page
from server.sandbox.state.refusals import RefusedError, invalid_field_error
from server.sandbox.state.switches import load_switches

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from server.sandbox.http.operation import ApiRequest
    from server.sandbox.state.state import SandboxState

PAGE_DOCUMENTS: Final = 1_000
PAGE_BYTES: Final = 5 * 1024 * 1024
_BAD_REQUEST_CODES: Final = frozenset({"invalid", "not_found"})


def render_indexing_refusal(refusal: RefusedError) -> ApiResponse:
    """Render a refusal as plain text, with the status of Glean's Indexing API."""
    code = HTTPStatus.BAD_REQUEST if refusal.code in _BAD_REQUEST_CODES else STATUS_OF[refusal.code]
    return ApiResponse(status=code, text=refusal.message, headers=refusal.headers)


def add_datasource(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Register a datasource, or replace its whole configuration."""
    with world.database.write() as connection:
        switches = load_switches(connection)
        config = BodyReader(switches).read(DatasourceConfig, call.body)
        report_config_overlap(world, connection, register_datasource(world, connection, config, switches))
    return ApiResponse()


def set_beta_users(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Record the users who may see a datasource that is not yet visible to all."""
    with world.database.write() as connection:
        request, found = read_datasource_request(connection, call, BetaUsersRequest)
        world.record_effect(
            connection, "betausers", datasource=found["name"], detail={"users": len(request.emails)}
        )
    return ApiResponse()


def bulk_index_documents(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Accept one page of a bulk upload of documents."""
    advance_due_work(world)
    with world.database.write() as connection:
        page = BodyReader(load_switches(connection)).read(BulkIndexDocumentsRequest, call.body)
        _require_page_size(len(page.documents))
        found = load_custom_datasource(connection, page.datasource)
        keyed = _validate_documents(world, connection, found, page.documents)
        unchecked = page.disable_stale_document_deletion_check
        accepted = accept_page(
            world,
            connection,
            found,
            DOCUMENTS_ENTITY,
            page,
            load_switches(connection),
            unchecked=unchecked,
        )
        if accepted.upload is not None:
            _store_page(world, connection, found, accepted.upload, keyed)
            if page.is_last_page:
                _complete_upload(world, connection, found, accepted.upload, unchecked=unchecked)
    return ApiResponse()


def bulk_index_users(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Accept one page of a bulk upload of users."""
    with world.database.write() as connection:
        page = BodyReader(load_switches(connection)).read(BulkIndexUsersRequest, call.body)
        _require_page_size(len(page.users))
        found = load_custom_datasource(connection, page.datasource)
        unchecked = page.disable_stale_data_deletion_check
        accepted = accept_page(
            world, connection, found, USERS_ENTITY, page, load_switches(connection), unchecked=unchecked
        )
        if accepted.upload is not None:
            upload = accepted.upload
            upsert_users(connection, found["row"], upload["row"], page.users)
            world.record_effect(
                connection,
                "bulkindexusers",
                datasource=found["name"],
                run=page.upload_id,
                detail={"received": len(page.users)},
            )
            if page.is_last_page:
                delete_users_of_other_uploads(connection, found["row"], upload["row"])
                complete_bulk_upload(world, connection, upload, unchecked=unchecked)
    return ApiResponse()


def index_user(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Add or change one user."""
    with world.database.write() as connection:
        request, found = read_datasource_request(connection, call, IndexUserRequest)
        upsert_users(connection, found["row"], None, [request.user])
        world.record_effect(connection, "indexuser", datasource=found["name"])
    return ApiResponse()


def delete_user(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Delete one user; do nothing when there is none."""
    with world.database.write() as connection:
        request, found = read_datasource_request(connection, call, DeleteUserRequest)
        delete_user_by_email(connection, found["row"], request.email)
        world.record_effect(connection, "deleteuser", datasource=found["name"])
    return ApiResponse()


def index_document(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Add or change one document."""
    with world.database.write() as connection:
        raw = BodyReader(load_switches(connection)).read(IndexDocumentRequest, call.body).document
        name = decode_json(raw, DocumentDatasource).datasource
        _index_documents(world, connection, call, name, [raw])
    advance_due_work(world)
    return ApiResponse()


def index_documents(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Add or change several documents."""
    with world.database.write() as connection:
        request = BodyReader(load_switches(connection)).read(IndexDocumentsRequest, call.body)
        _require_page_size(len(request.documents))
        _index_documents(world, connection, call, request.datasource, request.documents)
    advance_due_work(world)
    return ApiResponse()


def delete_document(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Delete one document; do nothing when there is none."""
    advance_due_work(world)
    with world.database.write() as connection:
        request, found = read_datasource_request(connection, call, DeleteDocumentRequest)
        deleted = delete_indexed_document(world, connection, found, request.object_type, request.id)
        world.record_effect(
            connection, "deletedocument", datasource=found["name"], detail={"deleted": int(deleted)}
        )
    return ApiResponse()


def process_all_documents(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Process pending documents now, of one datasource or of all; refused within three hours of the last call."""
    with world.database.write() as connection:
        request = BodyReader(load_switches(connection)).read(ProcessAllDocumentsRequest, call.body or b"{}")
        found = (
            None if request.datasource is UNSET else load_custom_datasource(connection, request.datasource)
        )
        expedite_indexing(world, connection, found)
    advance_due_work(world)
    return ApiResponse()


class DocumentDatasource(msgspec.Struct):
    """The datasource of a document, without its other fields."""

    datasource: str = ""


def _require_page_size(number: int) -> None:
    if number > PAGE_DOCUMENTS:
        raise RefusedError("too_large", f"a page has {PAGE_DOCUMENTS} items at most, not {number}")


def _validate_documents(
    world: SandboxState, connection: sqlite3.Connection, datasource: sqlite3.Row, raw: list[msgspec.Raw]
) -> dict[str, bytes]:
    checker = DocumentValidator(connection, datasource, BodyReader(load_switches(connection)))
    keyed = checker.validate_documents(raw)
    if checker.contested is not None:
        report_document_overlap(world, connection, datasource, *checker.contested)
    return keyed


def _store_page(
    world: SandboxState,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    upload: sqlite3.Row,
    page: dict[str, bytes],
) -> None:
    store_upload_page(
        world, connection, datasource, upload["upload_id"], page, operation="bulkindexdocuments"
    )
    stored = load_upload(connection, datasource, upload["upload_id"])
    connection.execute("UPDATE bulk SET upload_row = ? WHERE row = ?", (stored["row"], upload["row"]))


def _complete_upload(
    world: SandboxState,
    connection: sqlite3.Connection,
    datasource: sqlite3.Row,
    upload: sqlite3.Row,
    *,
    unchecked: bool,
) -> None:
    ended = complete_bulk_upload(world, connection, upload, unchecked=unchecked)
    job = start_indexing(world, connection, datasource, ended["upload_row"])
    connection.execute(
        "UPDATE bulk SET job_row = ?, old_total = ? WHERE row = ?",
        (job, datasource["document_count"], upload["row"]),
    )


def _index_documents(
    world: SandboxState, connection: sqlite3.Connection, call: ApiRequest, name: str, raw: list[msgspec.Raw]
) -> None:
    consume_rate_limit(world, connection, call, DOCUMENTS_BUCKET, len(raw))
    if not name:
        raise invalid_field_error("document.datasource", "is required")
    found = load_custom_datasource(connection, name)
    keyed = _validate_documents(world, connection, found, raw)
    (number,) = connection.execute("SELECT count(*) FROM upload").fetchone()
    run = f"single-{number}-{world.now():.6f}"
    store_upload_page(world, connection, found, run, keyed, operation="indexdocuments")
    stored = load_upload(connection, found, run)
    start_indexing(world, connection, found, stored["row"], single=True)


def _operation(
    handler: Callable[[SandboxState, ApiRequest], ApiResponse],
    path: str,
    *buckets: RateBucket,
    name: str | None = None,
    body_limit: int = DEFAULT_BODY_LIMIT,
) -> Operation:
    return Operation(
        name=name or path.strip("/"),
        method="POST",
        path=path,
        handler=rate_limited_handler(handler, *buckets),
        body_limit=body_limit,
    )


INDEXING_OPERATIONS: Final = (
    _operation(add_datasource, "/adddatasource"),
    _operation(get_datasource_config, "/getdatasourceconfig"),
    _operation(set_beta_users, "/betausers"),
    _operation(bulk_index_documents, "/bulkindexdocuments", body_limit=PAGE_BYTES),
    _operation(bulk_index_users, "/bulkindexusers"),
    _operation(index_user, "/indexuser"),
    _operation(delete_user, "/deleteuser"),
    _operation(index_document, "/indexdocument", SINGLE_DOCUMENT_BUCKET, body_limit=PAGE_BYTES),
    _operation(index_documents, "/indexdocuments", SINGLE_DOCUMENT_BUCKET, body_limit=PAGE_BYTES),
    _operation(delete_document, "/deletedocument"),
    _operation(process_all_documents, "/processalldocuments"),
    _operation(get_datasource_status, "/debug/{datasource}/status", name="debug.status"),
    _operation(get_document_statuses, "/debug/{datasource}/documents", name="debug.documents"),
    _operation(get_document_status, "/debug/{datasource}/document", name="debug.document"),
    _operation(check_document_access, "/checkdocumentaccess"),
    _operation(rotate_token, "/rotatetoken"),
)
"""Every operation that our clients or Glean's use."""
