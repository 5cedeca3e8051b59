"""Operations of the Admin dialect on the state, and the one shape of its errors."""

from __future__ import annotations

import re
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from domain.model import build_decoder
from server.sandbox.admin_api import documents, health
from server.sandbox.admin_api.configs import validate_config
from server.sandbox.http.decoding import decode_json, parse_integer, require_match
from server.sandbox.http.operation import ApiRequest, Operation
from server.sandbox.http.responses import STATUS_OF, ApiResponse
from server.sandbox.state import datasources
from server.sandbox.state.content import uploads
from server.sandbox.state.content.connectors import CONNECTORS, Connector, Text
from server.sandbox.state.content.processing import advance_due_work
from server.sandbox.state.content.search.fulltext import search_fulltext
from server.sandbox.state.content.sync_jobs import (
    load_newest_sync_job,
    load_sync_job,
    start_sync_job,
    stop_sync_job,
    sync_job_payload,
)
from server.sandbox.state.refusals import RefusedError, invalid_field_error
from server.sandbox.state.tenants import TENANT_NAME, current_tenant_id

if TYPE_CHECKING:
    from server.sandbox.state.state import SandboxState

PAGE_DOCUMENTS: Final = 1_000
PAGE_BYTES: Final = 5 * 1024 * 1024

_RUN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,199}")
_RUN_RULE: Final = "must be 1 to 200 letters, digits, dots, underscores, colons, tildes or hyphens"
_NAME: Final = re.compile(r"[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,198}[^\s\x00-\x1f\x7f])?")
_NAME_RULE: Final = "must be 1 to 200 printable characters without spaces around"


class _Strict(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    pass


class CreateDatasourceRequest(_Strict):
    """Body of `datasources.create`."""

    name: str
    connector: Connector
    config: msgspec.Raw


class UpdateDatasourceRequest(_Strict):
    """Body of `datasources.update`: the configuration that replaces the present one."""

    config: msgspec.Raw


class _AuthConfig(_Strict):
    type: str
    token: Annotated[str, Meta(min_length=1, max_length=10_000)]


class SetAuthRequest(_Strict):
    """Body of `auth.set`: the connector's token."""

    auth_config: _AuthConfig


class UploadDocumentsRequest(_Strict):
    """Body of `documents.upload`: one page of a run."""

    documents: list[msgspec.Raw]


class StartSyncRequest(_Strict):
    """Body of `sync.start`: the run to serve."""

    incremental: bool
    upload_id: str


class SearchRequest(_Strict):
    """Body of `search`: the query, and the datasource to search."""

    query: Annotated[str, Meta(min_length=1, max_length=1_000)]
    datasource: Text | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 10


_CREATE: Final = build_decoder(CreateDatasourceRequest)
_UPDATE: Final = build_decoder(UpdateDatasourceRequest)
_SET_AUTH: Final = build_decoder(SetAuthRequest)
_PAGE: Final = build_decoder(UploadDocumentsRequest)
_START: Final = build_decoder(StartSyncRequest)
_SEARCH: Final = build_decoder(SearchRequest)


def render_admin_refusal(refusal: RefusedError) -> ApiResponse:
    """Render a refusal as an error of the Admin dialect."""
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.details:
        error["details"] = [asdict(detail) for detail in refusal.details]
    return ApiResponse(status=STATUS_OF[refusal.code], payload={"error": error}, headers=refusal.headers)


def get_tenant(world: SandboxState, _: ApiRequest) -> ApiResponse:
    """Answer the tenant's id and name."""
    with world.database.read() as connection:
        return ApiResponse(payload={"id": current_tenant_id(connection), "name": TENANT_NAME})


def create_datasource(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Create a datasource."""
    body = decode_json(_CREATE, call.body)
    name = require_match(body.name, _NAME, "name", _NAME_RULE)
    config = validate_config(body.connector, body.config)
    with world.database.write() as connection:
        made = datasources.insert_datasource(
            world, connection, name, body.connector, config, "datasources.create"
        )
        return ApiResponse(
            status=HTTPStatus.CREATED, payload=datasources.datasource_payload(connection, made)
        )


def list_datasources(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer one page of the datasources, oldest first."""
    limit = parse_integer(call.query, "limit", default=100, least=1, most=500)
    after = parse_integer(call.query, "cursor", default=0, least=0, most=10**9)
    advance_due_work(world)
    with world.database.read() as connection:
        rows = datasources.load_datasource_page(connection, after, limit + 1)
        payload: dict[str, Any] = {
            "datasources": [datasources.datasource_payload(connection, row) for row in rows[:limit]]
        }
        if len(rows) > limit:
            payload["nextCursor"] = str(rows[limit - 1]["row"])
        return ApiResponse(payload=payload)


def get_datasource(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer one datasource."""
    advance_due_work(world)
    with world.database.read() as connection:
        found = datasources.load_datasource(connection, call.path["datasource_id"])
        return ApiResponse(payload=datasources.datasource_payload(connection, found))


def update_datasource(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Replace a datasource's configuration."""
    body = decode_json(_UPDATE, call.body)
    advance_due_work(world)
    with world.database.write() as connection:
        found = datasources.load_datasource(connection, call.path["datasource_id"])
        config = validate_config(found["connector"], body.config)
        changed = datasources.update_config(world, connection, found, config)
        return ApiResponse(payload=datasources.datasource_payload(connection, changed))


def delete_datasource(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Delete a datasource with its documents, runs and jobs."""
    with world.database.write() as connection:
        found = datasources.load_datasource(connection, call.path["datasource_id"])
        datasources.delete_datasource_rows(world, connection, found, "datasources.delete")
    return ApiResponse(status=HTTPStatus.NO_CONTENT)


def set_auth(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Store the token with which a datasource's connector authenticates."""
    auth = decode_json(_SET_AUTH, call.body).auth_config
    with world.database.write() as connection:
        found = datasources.load_datasource(connection, call.path["datasource_id"])
        expected = CONNECTORS[found["connector"]].authentication
        if auth.type != expected:
            raise invalid_field_error(
                "authConfig.type", f"a {found['connector']} datasource authenticates by {expected}"
            )
        datasources.store_auth(world, connection, found, auth.type, auth.token)
    return ApiResponse(payload={"status": "AUTHENTICATED"})


def upload_documents(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Store one page of a run."""
    run = require_match(call.path["run"], _RUN, "uploadId", _RUN_RULE)
    raw = decode_json(_PAGE, call.body).documents
    if len(raw) > PAGE_DOCUMENTS:
        raise RefusedError("too_large", f"a page has at most {PAGE_DOCUMENTS} documents, not {len(raw)}")
    with world.database.read() as connection:
        connector = datasources.load_datasource(connection, call.path["datasource_id"])["connector"]
    page = documents.parse_admin_documents(raw, connector)
    advance_due_work(world)
    with world.database.write() as connection:
        found = datasources.load_datasource(connection, call.path["datasource_id"])
        stored = uploads.store_upload_page(world, connection, found, run, page)
    return ApiResponse(payload={"accepted": len(raw), "total": stored.total})


def discard_upload(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Delete a run that is not served."""
    run = require_match(call.path["run"], _RUN, "uploadId", _RUN_RULE)
    advance_due_work(world)
    with world.database.write() as connection:
        found = datasources.load_datasource(connection, call.path["datasource_id"])
        uploads.discard_unserved_upload(world, connection, found, run)
    return ApiResponse(status=HTTPStatus.NO_CONTENT)


def start_sync(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Start the sync of a run, or answer the one that the run has already."""
    body = decode_json(_START, call.body)
    run = require_match(body.upload_id, _RUN, "uploadId", _RUN_RULE)
    advance_due_work(world)
    with world.database.write() as connection:
        found = datasources.load_datasource(connection, call.path["datasource_id"])
        job = start_sync_job(world, connection, found, run, incremental=body.incremental)
        return ApiResponse(status=HTTPStatus.ACCEPTED, payload={"job_id": job["id"], "status": job["status"]})


def get_sync(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer the status and the progress of a sync."""
    advance_due_work(world)
    with world.database.read() as connection:
        found = datasources.load_datasource(connection, call.path["datasource_id"])
        return ApiResponse(
            payload=sync_job_payload(world, connection, load_sync_job(connection, found, call.path["job_id"]))
        )


def find_sync(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer the newest sync of a run, even when it was stopped."""
    run = require_match(call.path["run"], _RUN, "uploadId", _RUN_RULE)
    advance_due_work(world)
    with world.database.read() as connection:
        found = datasources.load_datasource(connection, call.path["datasource_id"])
        job = load_newest_sync_job(connection, found, run)
        return ApiResponse(payload=sync_job_payload(world, connection, job))


def stop_sync(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Stop the running sync of a datasource, if any."""
    advance_due_work(world)
    with world.database.write() as connection:
        found = datasources.load_datasource(connection, call.path["datasource_id"])
        return ApiResponse(payload={"stopped": stop_sync_job(world, connection, found)})


def get_health(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer the health of a datasource."""
    advance_due_work(world)
    with world.database.write() as connection:
        found = datasources.load_datasource(connection, call.path["datasource_id"])
        return ApiResponse(payload=health.observe_health(world, connection, found))


def search_documents(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer the served documents that match a query."""
    request = decode_json(_SEARCH, call.body)
    advance_due_work(world)
    with world.database.read() as connection:
        payload = search_fulltext(
            connection,
            request.query,
            datasources=None if request.datasource is None else [request.datasource],
            limit=request.limit,
        )
        return ApiResponse(payload=payload)


_ALL: Final = "/datasources"
_ONE: Final = "/datasources/{datasource_id}"

ADMIN_OPERATIONS: Final = (
    Operation(name="tenant.get", method="GET", path="/tenant", handler=get_tenant),
    Operation(name="datasources.create", method="POST", path=_ALL, handler=create_datasource),
    Operation(name="datasources.list", method="GET", path=_ALL, handler=list_datasources),
    Operation(name="datasources.get", method="GET", path=_ONE, handler=get_datasource),
    Operation(name="datasources.update", method="PUT", path=_ONE, handler=update_datasource),
    Operation(name="datasources.delete", method="DELETE", path=_ONE, handler=delete_datasource),
    Operation(name="auth.set", method="PUT", path=f"{_ONE}/auth", handler=set_auth),
    Operation(
        name="documents.upload",
        method="POST",
        path=f"{_ONE}/uploads/{{run}}/documents",
        handler=upload_documents,
        body_limit=PAGE_BYTES,
    ),
    Operation(
        name="uploads.discard", method="DELETE", path=f"{_ONE}/uploads/{{run}}", handler=discard_upload
    ),
    Operation(name="sync.start", method="POST", path=f"{_ONE}/sync", handler=start_sync),
    Operation(name="sync.find", method="GET", path=f"{_ONE}/uploads/{{run}}/sync", handler=find_sync),
    Operation(name="sync.stop", method="POST", path=f"{_ONE}/sync/stop", handler=stop_sync),
    Operation(name="sync.get", method="GET", path=f"{_ONE}/sync/{{job_id}}", handler=get_sync),
    Operation(name="health.get", method="GET", path=f"{_ONE}/health", handler=get_health),
    Operation(name="search", method="POST", path="/search", handler=search_documents),
)
"""Every operation. A fixed path comes before a pattern that matches it too: the router takes the first match."""
