"""The Admin dialect: its operations over the state, and its one shape of an error."""

from __future__ import annotations

import re
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from server.sandbox import configs, datasources, documents, fulltext, health, jobs, tenants, uploads
from server.sandbox.answers import Answer, RefusedError, invalid
from server.sandbox.configs import Connector, Text
from server.sandbox.decoding import decode, integer, matching
from server.sandbox.indexing import processing
from server.sandbox.pipeline import Call, Operation

if TYPE_CHECKING:
    from server.sandbox.world import World

PAGE_DOCUMENTS: Final = 1_000
PAGE_BYTES: Final = 5 * 1024 * 1024

_RUN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,199}")
_RUN_RULE: Final = "must be 1 to 200 letters, digits, dots, underscores, colons, tildes or hyphens"
_NAME: Final = re.compile(r"[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,198}[^\s\x00-\x1f\x7f])?")
_NAME_RULE: Final = "must be 1 to 200 printable characters without spaces around"


class _Strict(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    pass


class _Create(_Strict):
    name: str
    connector: Connector
    config: msgspec.Raw


class _Update(_Strict):
    config: msgspec.Raw


class _AuthConfig(_Strict):
    type: str
    token: Annotated[str, Meta(min_length=1, max_length=10_000)]


class _SetAuth(_Strict):
    auth_config: _AuthConfig


class _Page(_Strict):
    documents: list[msgspec.Raw]


class _Start(_Strict):
    incremental: bool
    upload_id: str


class _Search(_Strict):
    query: Annotated[str, Meta(min_length=1, max_length=1_000)]
    datasource: Text | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 10


_CREATE: Final = msgspec.json.Decoder(_Create)
_UPDATE: Final = msgspec.json.Decoder(_Update)
_SET_AUTH: Final = msgspec.json.Decoder(_SetAuth)
_PAGE: Final = msgspec.json.Decoder(_Page)
_START: Final = msgspec.json.Decoder(_Start)
_SEARCH: Final = msgspec.json.Decoder(_Search)


def refuse(refusal: RefusedError) -> Answer:
    """A refusal in the Admin API's own shape."""
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.details:
        error["details"] = [asdict(detail) for detail in refusal.details]
    return Answer(status=refusal.status, payload={"error": error}, headers=refusal.headers)


def get_tenant(world: World, _: Call) -> Answer:
    """Who this Glean is."""
    with world.database.read() as connection:
        return Answer(payload={"id": tenants.current(connection), "name": tenants.NAME})


def create_datasource(world: World, call: Call) -> Answer:
    """Make a datasource."""
    body = decode(_CREATE, call.body)
    name = matching(body.name, _NAME, "name", _NAME_RULE)
    config = configs.check(body.connector, body.config)
    with world.database.write() as connection:
        made = datasources.create(world, connection, name, body.connector, config, "datasources.create")
        return Answer(status=HTTPStatus.CREATED, payload=datasources.shown(connection, made))


def list_datasources(world: World, call: Call) -> Answer:
    """One page of the datasources, oldest first."""
    limit = integer(call.query, "limit", default=100, least=1, most=500)
    after = integer(call.query, "cursor", default=0, least=0, most=10**9)
    processing.settle(world)
    with world.database.read() as connection:
        rows = datasources.page(connection, after, limit + 1)
        payload: dict[str, Any] = {
            "datasources": [datasources.shown(connection, row) for row in rows[:limit]]
        }
        if len(rows) > limit:
            payload["nextCursor"] = str(rows[limit - 1]["row"])
        return Answer(payload=payload)


def get_datasource(world: World, call: Call) -> Answer:
    """One datasource."""
    processing.settle(world)
    with world.database.read() as connection:
        found = datasources.find(connection, call.path["datasource_id"])
        return Answer(payload=datasources.shown(connection, found))


def update_datasource(world: World, call: Call) -> Answer:
    """Replace a datasource's configuration."""
    body = decode(_UPDATE, call.body)
    processing.settle(world)
    with world.database.write() as connection:
        found = datasources.find(connection, call.path["datasource_id"])
        config = configs.check(found["connector"], body.config)
        changed = datasources.configure(world, connection, found, config)
        return Answer(payload=datasources.shown(connection, changed))


def delete_datasource(world: World, call: Call) -> Answer:
    """Remove a datasource and all that is in it."""
    with world.database.write() as connection:
        found = datasources.find(connection, call.path["datasource_id"])
        datasources.delete(world, connection, found, "datasources.delete")
    return Answer(status=HTTPStatus.NO_CONTENT)


def set_auth(world: World, call: Call) -> Answer:
    """Authenticate a datasource's connector."""
    auth = decode(_SET_AUTH, call.body).auth_config
    with world.database.write() as connection:
        found = datasources.find(connection, call.path["datasource_id"])
        expected = configs.AUTH_TYPES[found["connector"]]
        if auth.type != expected:
            raise invalid("authConfig.type", f"a {found['connector']} datasource authenticates by {expected}")
        datasources.authenticate(world, connection, found, auth.type, auth.token)
    return Answer(payload={"status": "AUTHENTICATED"})


def upload_documents(world: World, call: Call) -> Answer:
    """Store one page of a run."""
    run = matching(call.path["run"], _RUN, "uploadId", _RUN_RULE)
    raw = decode(_PAGE, call.body).documents
    if len(raw) > PAGE_DOCUMENTS:
        raise RefusedError("too_large", f"a page has at most {PAGE_DOCUMENTS} documents, not {len(raw)}")
    with world.database.read() as connection:
        connector = datasources.find(connection, call.path["datasource_id"])["connector"]
    page = documents.keyed(raw, connector)
    processing.settle(world)
    with world.database.write() as connection:
        found = datasources.find(connection, call.path["datasource_id"])
        stored = uploads.store(world, connection, found, run, page)
    return Answer(payload={"accepted": len(raw), "total": stored.total})


def discard_upload(world: World, call: Call) -> Answer:
    """Forget a run that is not served."""
    run = matching(call.path["run"], _RUN, "uploadId", _RUN_RULE)
    processing.settle(world)
    with world.database.write() as connection:
        found = datasources.find(connection, call.path["datasource_id"])
        uploads.discard(world, connection, found, run)
    return Answer(status=HTTPStatus.NO_CONTENT)


def start_sync(world: World, call: Call) -> Answer:
    """Begin to serve a run."""
    body = decode(_START, call.body)
    run = matching(body.upload_id, _RUN, "uploadId", _RUN_RULE)
    processing.settle(world)
    with world.database.write() as connection:
        found = datasources.find(connection, call.path["datasource_id"])
        job = jobs.start(world, connection, found, run, incremental=body.incremental)
        return Answer(status=HTTPStatus.ACCEPTED, payload={"job_id": job["id"], "status": job["status"]})


def get_sync(world: World, call: Call) -> Answer:
    """How far a sync is."""
    processing.settle(world)
    with world.database.read() as connection:
        found = datasources.find(connection, call.path["datasource_id"])
        return Answer(payload=jobs.shown(world, jobs.find(connection, found, call.path["job_id"])))


def find_sync(world: World, call: Call) -> Answer:
    """The newest sync of a run, also one that was stopped."""
    run = matching(call.path["run"], _RUN, "uploadId", _RUN_RULE)
    processing.settle(world)
    with world.database.read() as connection:
        found = datasources.find(connection, call.path["datasource_id"])
        return Answer(payload=jobs.shown(world, jobs.of_run(connection, found, run)))


def stop_sync(world: World, call: Call) -> Answer:
    """Stop what runs."""
    processing.settle(world)
    with world.database.write() as connection:
        found = datasources.find(connection, call.path["datasource_id"])
        return Answer(payload={"stopped": jobs.stop(world, connection, found)})


def get_health(world: World, call: Call) -> Answer:
    """How a datasource is."""
    processing.settle(world)
    with world.database.write() as connection:
        found = datasources.find(connection, call.path["datasource_id"])
        return Answer(payload=health.observe(world, connection, found))


def search(world: World, call: Call) -> Answer:
    """What is served and has the words."""
    asked = decode(_SEARCH, call.body)
    processing.settle(world)
    with world.database.read() as connection:
        payload = fulltext.search(connection, asked.query, datasource=asked.datasource, limit=asked.limit)
        return Answer(payload=payload)


_ALL: Final = "/datasources"
_ONE: Final = "/datasources/{datasource_id}"

ADMIN_OPERATIONS: Final = (
    Operation(name="tenant.get", method="GET", path="/tenant", act=get_tenant),
    Operation(name="datasources.create", method="POST", path=_ALL, act=create_datasource),
    Operation(name="datasources.list", method="GET", path=_ALL, act=list_datasources),
    Operation(name="datasources.get", method="GET", path=_ONE, act=get_datasource),
    Operation(name="datasources.update", method="PUT", path=_ONE, act=update_datasource),
    Operation(name="datasources.delete", method="DELETE", path=_ONE, act=delete_datasource),
    Operation(name="auth.set", method="PUT", path=f"{_ONE}/auth", act=set_auth),
    Operation(
        name="documents.upload",
        method="POST",
        path=f"{_ONE}/uploads/{{run}}/documents",
        act=upload_documents,
        body_limit=PAGE_BYTES,
    ),
    Operation(name="uploads.discard", method="DELETE", path=f"{_ONE}/uploads/{{run}}", act=discard_upload),
    Operation(name="sync.start", method="POST", path=f"{_ONE}/sync", act=start_sync),
    Operation(name="sync.find", method="GET", path=f"{_ONE}/uploads/{{run}}/sync", act=find_sync),
    Operation(name="sync.stop", method="POST", path=f"{_ONE}/sync/stop", act=stop_sync),
    Operation(name="sync.get", method="GET", path=f"{_ONE}/sync/{{job_id}}", act=get_sync),
    Operation(name="health.get", method="GET", path=f"{_ONE}/health", act=get_health),
    Operation(name="search", method="POST", path="/search", act=search),
)
"""Every operation, a path before the pattern that it would match too."""
