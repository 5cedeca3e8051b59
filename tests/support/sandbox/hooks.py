"""Scripted faults, hung on a sandbox: what goes wrong with its requests and its jobs, and how often it was asked."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from server.sandbox.http.hooks import SandboxHooks
from server.sandbox.http.pipeline import datasource_name
from server.sandbox.http.responses import ApiResponse
from tests.support.sandbox.fault_responses import send_fault_response
from tests.support.sandbox.faults import (
    Fault,
    has_pending_fault,
    has_unhealthy_fault,
    take_sync_fault,
    take_transport_fault,
    take_unhealthy_fault,
)
from tests.support.sandbox.request_limit import count_request, enforce_request_limit, has_request_limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from server.sandbox.http.operation import ApiRequest
    from server.sandbox.state.state import SandboxState


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyResponse(ApiResponse):
    """What the client is told in place of the true response, which the request came to, or would not have."""

    fault: Fault
    true_response: ApiResponse


class FaultHooks(SandboxHooks):
    """Has happen what is planned in the sandbox's own file, so that another process may plan it."""

    def handle_request(
        self,
        state: SandboxState,
        operation: str,
        request: ApiRequest,
        handle: Callable[[], ApiResponse],
    ) -> ApiResponse:
        with state.database.read() as connection:  # as long as nothing is planned nobody waits for a writer
            if not (has_request_limit(connection) or has_pending_fault(connection)):
                return handle()
        with state.database.write() as connection:
            enforce_request_limit(connection, state.now())
            fault = take_transport_fault(connection, operation, datasource_name(connection, request))
        if fault is None or fault.takes_effect:
            response = _report_unhealthy(state, operation, request, handle())
        else:
            response = ApiResponse(status=503)
        if fault is None:
            return response
        answered = fault.answered_status
        status = response.status if answered is None else answered
        return FaultyResponse(status=status, fault=fault, true_response=response)

    async def send_response(
        self,
        state: SandboxState,
        operation: str,
        response: ApiResponse,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        await to_thread.run_sync(_count_request, state, operation, int(response.status))
        if isinstance(response, FaultyResponse):
            await send_fault_response(response.fault, response.true_response, receive, send)
        else:
            await super().send_response(state, operation, response, scope, receive, send)

    def adjust_new_job(self, connection: sqlite3.Connection, datasource: str, job_id: str) -> None:
        fault = take_sync_fault(connection, datasource)
        if fault is None:
            return
        connection.execute(
            "UPDATE job SET hangs = ?, loses = ?, failure = ? WHERE id = ?",
            (
                fault.kind == "sync_hangs",
                fault.documents if fault.kind == "sync_loses" else 0,
                fault.message if fault.kind == "sync_fails" else None,
                job_id,
            ),
        )


def _count_request(state: SandboxState, operation: str, status: int) -> None:
    with contextlib.suppress(sqlite3.Error), state.database.write() as connection:
        count_request(connection, operation, status)


def _report_unhealthy(
    state: SandboxState, operation: str, request: ApiRequest, response: ApiResponse
) -> ApiResponse:
    """The answer as it is when a connector is unhealthy; a look at the health is spent."""
    payload = response.payload
    if operation == "health.get" and payload is not None and "documentCount" in payload:
        with state.database.write() as connection:
            name = datasource_name(connection, request)
            fault = None if name is None else take_unhealthy_fault(connection, name)
        if fault is not None:
            payload.update(
                status="UNHEALTHY", errorCount24h=payload["errorCount24h"] + 1, message=fault.message
            )
    elif operation.startswith("datasources.") and isinstance(payload, dict):
        with state.database.read() as connection:
            for each in payload.get("datasources", [payload]):
                _mark_unhealthy(connection, each)
    return response


def _mark_unhealthy(connection: sqlite3.Connection, shown: dict[str, Any]) -> None:
    if "status" in shown and has_unhealthy_fault(connection, shown["name"]):
        shown["status"] = "UNHEALTHY"
