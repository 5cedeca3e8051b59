"""Handles one request from its first byte to its answer: body, token, operation.

A dialect supplies its operations and renders refusals; everything here is the same for all dialects.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from urllib.parse import parse_qsl

import msgspec

from server.sandbox.http.asgi import ClientGoneError, read_body
from server.sandbox.http.hooks import NO_HOOKS, SandboxHooks
from server.sandbox.http.operation import DEFAULT_BODY_LIMIT, ApiRequest, Operation
from server.sandbox.state.refusals import RefusedError
from server.sandbox.state.tokens import authorize_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from starlette.types import Receive, Scope, Send

    from server.sandbox.http.responses import ApiResponse
    from server.sandbox.state.state import SandboxState
    from server.sandbox.state.tokens import Api

NO_SUCH_ROUTE: Final = "no_such_route"
# ASGI passes header names in lower case.
_ACT_AS: Final = b"x-glean-actas"


def _always(_: sqlite3.Connection) -> bool:
    return True


class RefusalRenderer(Protocol):
    """Renders refusals in a dialect."""

    def __call__(self, refusal: RefusedError) -> ApiResponse:
        """Render a refusal as a response."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Settings that all requests of one dialect share.

    A refused token gets the reason when `explains_denial` says so, and only "access denied" otherwise.
    """

    world: SandboxState
    token: str
    workers: Executor
    refuse: RefusalRenderer
    api: Api = "admin"
    explains_denial: Callable[[sqlite3.Connection], bool] = _always
    hooks: SandboxHooks = NO_HOOKS


class _RequestOrigin(NamedTuple):
    bearer: str
    peer: str
    acting: str


class Resource:
    """The operations of one path, by method; an ASGI application."""

    def __init__(self, gate: Gate, operations: list[Operation]) -> None:
        """Serve `operations`, which share their path and differ in their methods."""
        self._gate = gate
        self._by_method = {operation.method: operation for operation in operations}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        operation = self._by_method.get(scope["method"])
        if operation is None:
            allowed = ", ".join(sorted(self._by_method))
            refusal = RefusedError(
                "method_not_allowed", f"this path takes {allowed}", headers={"Allow": allowed}
            )
            await _refuse_request(self._gate, refusal, scope, receive, send)
            return
        try:
            body = await read_body(receive, operation.body_limit)
        except ClientGoneError:
            return  # nobody is there to read an answer
        present = scope["path_params"], dict(parse_qsl(scope["query_string"].decode("latin-1")))
        # SQLite blocks, so operations run in worker threads and the loop keeps reading other requests.
        response = await asyncio.get_running_loop().run_in_executor(
            self._gate.workers,
            _perform_operation,
            self._gate,
            operation,
            _request_origin(scope),
            *present,
            body,
        )
        await self._gate.hooks.send_response(self._gate.world, operation.name, response, scope, receive, send)


class UnknownRoute:
    """ASGI application that refuses requests to unknown paths."""

    def __init__(self, gate: Gate) -> None:
        """Render refusals in the gate's dialect."""
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse one request."""
        refusal = RefusedError(NO_SUCH_ROUTE, "there is nothing at this path")
        await _refuse_request(self._gate, refusal, scope, receive, send)


async def _refuse_request(
    gate: Gate, refusal: RefusedError, scope: Scope, receive: Receive, send: Send
) -> None:
    # The body is read although nothing uses it: an answer before its end would reset the client's connection.
    with contextlib.suppress(ClientGoneError):
        await read_body(receive, DEFAULT_BODY_LIMIT)
    response = await asyncio.get_running_loop().run_in_executor(
        gate.workers, _render_refusal, gate, refusal, _bearer_token(scope), _peer_address(scope)
    )
    await gate.hooks.send_response(gate.world, NO_SUCH_ROUTE, response, scope, receive, send)


def _render_refusal(gate: Gate, refusal: RefusedError, bearer: str, peer: str) -> ApiResponse:
    """Render a refusal, in a worker thread; a client without a good token learns only that its token is refused."""
    try:
        with gate.world.database.read() as connection:
            _authenticate(gate, connection, bearer, peer, lambda: None)
    except RefusedError as unauthenticated:
        refusal = unauthenticated
    return gate.refuse(refusal)


def _perform_operation(
    gate: Gate,
    operation: Operation,
    origin: _RequestOrigin,
    path: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes | None,
) -> ApiResponse:
    """Check the token and run the operation, in a worker thread."""
    request = ApiRequest(path=path, query=query, body=body or b"", **origin._asdict())
    try:
        with gate.world.database.read() as connection:
            _authenticate(
                gate, connection, request.bearer, request.peer, partial(datasource_name, connection, request)
            )
        return gate.hooks.handle_request(
            gate.world,
            operation.name,
            request,
            partial(_carry_out, gate, operation, request, too_large=body is None),
        )
    except RefusedError as refusal:
        return gate.refuse(refusal)
    except sqlite3.Error as error:
        logging.getLogger(__name__).error("the sandbox's file failed: %s", error)  # noqa: TRY400 - a disk is no bug
        return gate.refuse(RefusedError("internal", f"the sandbox's file failed: {error}"))


def _carry_out(gate: Gate, operation: Operation, request: ApiRequest, *, too_large: bool) -> ApiResponse:
    try:
        if too_large:
            raise _too_large_error(operation)
        return operation.handler(gate.world, request)
    except RefusedError as refusal:
        return gate.refuse(refusal)


def _too_large_error(operation: Operation) -> RefusedError:
    return RefusedError("too_large", f"a body of this request has at most {operation.body_limit} bytes")


def _authenticate(
    gate: Gate, connection: sqlite3.Connection, bearer: str, peer: str, datasource: Callable[[], str | None]
) -> None:
    try:
        authorize_request(
            connection,
            bearer,
            gate.token,
            api=gate.api,
            address=peer,
            now=gate.world.now(),
            datasource=datasource,
        )
    except RefusedError as refusal:
        if gate.explains_denial(connection):
            raise
        raise RefusedError(refusal.code, "access denied", headers=refusal.headers) from None


def datasource_name(connection: sqlite3.Connection, request: ApiRequest) -> str | None:
    """Find the name of the datasource that a request concerns, by its path or else its body; None if there is none."""
    if "datasource_id" in request.path:
        row = connection.execute(
            "SELECT name FROM datasource WHERE id = ?", (request.path["datasource_id"],)
        ).fetchone()
        return None if row is None else str(row["name"])
    if "datasource" in request.path:
        return request.path["datasource"]
    try:
        body = msgspec.json.decode(request.body or b"null")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if isinstance(body, dict) and isinstance(document := body.get("document"), dict):
        body = document
    name = (body.get("name") or body.get("datasource")) if isinstance(body, dict) else None
    return name if isinstance(name, str) else None


def _peer_address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _request_origin(scope: Scope) -> _RequestOrigin:
    acting = dict(scope["headers"]).get(_ACT_AS, b"").decode("latin-1").strip()
    return _RequestOrigin(bearer=_bearer_token(scope), peer=_peer_address(scope), acting=acting)


def _bearer_token(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if kind.lower() == "bearer" else ""  # RFC 9110: schemes have no case
    return ""
