"""One request from its first byte to its answer: token, body, limit, scripted fault, operation, count.

A dialect gives its operations and how it words a refusal; everything here is the same for all of them.
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
from starlette.requests import ClientDisconnect

from server.sandbox.http.asgi import read_body, send_response
from server.sandbox.http.fault_responses import send_fault_response
from server.sandbox.http.responses import ApiResponse, RefusedError
from server.sandbox.state.fault_plan import has_pending_fault, take_transport_fault
from server.sandbox.state.rate_limit import count_request, enforce_request_limit, has_request_limit
from server.sandbox.state.tokens import authorize_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from starlette.types import Receive, Scope, Send

    from server.sandbox.state.fault_plan import Fault
    from server.sandbox.state.state import SandboxState
    from server.sandbox.state.tokens import Api

NO_SUCH_ROUTE: Final = "no_such_route"
DEFAULT_BODY_LIMIT: Final = 1024 * 1024
_ACT_AS: Final = b"x-glean-actas"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """What an operation is given: the named parts of the path, the query, the body; who asks, from where, as whom."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    bearer: str = ""
    peer: str = ""
    acting: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that a dialect can do. `act` runs in a worker thread and may raise `RefusedError`."""

    name: str
    method: str
    path: str
    handler: Callable[[SandboxState, ApiRequest], ApiResponse]
    body_limit: int = DEFAULT_BODY_LIMIT


def _always(_: sqlite3.Connection) -> bool:
    return True


class RefusalRenderer(Protocol):
    """How a dialect words a refusal."""

    def __call__(self, refusal: RefusedError) -> ApiResponse:
        """The answer that tells it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What every request of one dialect passes through; unless `frank` it does not say why a token is refused."""

    world: SandboxState
    token: str
    workers: Executor
    refuse: RefusalRenderer
    api: Api = "admin"
    frank: Callable[[sqlite3.Connection], bool] = _always


class _RequestOrigin(NamedTuple):
    bearer: str
    peer: str
    acting: str


class _Outcome(NamedTuple):
    fault: Fault | None
    answer: ApiResponse


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
        except ClientDisconnect:
            return
        present = scope["path_params"], dict(parse_qsl(scope["query_string"].decode("latin-1")))
        outcome = await asyncio.get_running_loop().run_in_executor(
            self._gate.workers,
            _perform_operation,
            self._gate,
            operation,
            _request_origin(scope),
            *present,
            body,
        )
        if outcome.fault is None:
            await send_response(outcome.answer, send)
        else:
            await send_fault_response(outcome.fault, outcome.answer, scope, receive, send)


class UnknownRoute:
    """What answers where there is nothing; an ASGI application."""

    def __init__(self, gate: Gate) -> None:
        """Refuse in the gate's dialect."""
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse one request."""
        refusal = RefusedError(NO_SUCH_ROUTE, "there is nothing at this path")
        await _refuse_request(self._gate, refusal, scope, receive, send)


async def _refuse_request(
    gate: Gate, refusal: RefusedError, scope: Scope, receive: Receive, send: Send
) -> None:
    with contextlib.suppress(ClientDisconnect):
        await read_body(receive, DEFAULT_BODY_LIMIT)
    answer = await asyncio.get_running_loop().run_in_executor(
        gate.workers, _render_refusal, gate, refusal, _bearer_token(scope), _peer_address(scope)
    )
    await send_response(answer, send)


def _render_refusal(gate: Gate, refusal: RefusedError, bearer: str, peer: str) -> ApiResponse:
    """Refuse what nobody does, in a worker thread; who may not come in hears only that."""
    try:
        with gate.world.database.read() as connection:
            _authenticate(gate, connection, bearer, peer, lambda: None)
    except RefusedError as unauthenticated:
        refusal = unauthenticated
    answer = gate.refuse(refusal)
    _count_request(gate, NO_SUCH_ROUTE, answer.status)
    return answer


def _perform_operation(
    gate: Gate,
    operation: Operation,
    asker: _RequestOrigin,
    path: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes | None,
) -> _Outcome:
    """Carry the request out, in a worker thread."""
    world, fault = gate.world, None
    try:
        with world.database.read() as connection:
            _authenticate(
                gate, connection, asker.bearer, asker.peer, partial(_datasource_name, connection, path, body)
            )
        fault = _admit_request(world, operation.name, path, body)
        if fault is not None and not fault.takes_effect:
            answer = gate.refuse(RefusedError("unavailable", fault.message))
        elif body is None:
            answer = gate.refuse(_too_large_error(operation))
        else:
            answer = operation.handler(
                world, ApiRequest(path=path, query=query, body=body, **asker._asdict())
            )
    except RefusedError as refusal:
        answer = gate.refuse(refusal)
    except sqlite3.Error as error:
        logging.getLogger(__name__).exception("the sandbox's file failed")
        return _Outcome(None, gate.refuse(RefusedError("internal", f"the sandbox's file failed: {error}")))
    told = None if fault is None else fault.answered_status
    _count_request(gate, operation.name, answer.status if told is None else told)
    return _Outcome(fault, answer)


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
        if gate.frank(connection):
            raise
        raise RefusedError(refusal.code, "access denied", headers=refusal.headers) from None


def _admit_request(
    world: SandboxState, operation: str, path: Mapping[str, str], body: bytes | None
) -> Fault | None:
    """Let the request in, and find what is scripted for it; reads only, as long as nothing is."""
    with world.database.read() as connection:
        limited, planned = has_request_limit(connection), has_pending_fault(connection)
    if not (limited or planned):
        return None
    with world.database.write() as connection:
        enforce_request_limit(connection, world.now())
        return take_transport_fault(connection, operation, _datasource_name(connection, path, body))


def _datasource_name(
    connection: sqlite3.Connection, path: Mapping[str, str], body: bytes | None
) -> str | None:
    """The name of the datasource that a request is about: by the id in its path, else by a name in its body."""
    if "datasource_id" in path:
        row = connection.execute(
            "SELECT name FROM datasource WHERE id = ?", (path["datasource_id"],)
        ).fetchone()
        return None if row is None else str(row["name"])
    if "datasource" in path:
        return path["datasource"]
    try:
        said = msgspec.json.decode(body or b"null")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if isinstance(said, dict) and isinstance(document := said.get("document"), dict):
        said = document
    name = (said.get("name") or said.get("datasource")) if isinstance(said, dict) else None
    return name if isinstance(name, str) else None


def _count_request(gate: Gate, operation: str, status: int) -> None:
    with gate.world.database.write() as connection:
        count_request(connection, operation, status)


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
            return token.strip() if kind.lower() == "bearer" else ""
    return ""
