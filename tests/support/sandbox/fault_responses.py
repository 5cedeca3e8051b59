"""How a scripted fault looks to the client: wrong answers, late ones, endless ones, none."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import anyio

from server.sandbox.http.asgi import send_bytes, send_response
from server.sandbox.http.responses import STATUS_OF, ApiResponse

if TYPE_CHECKING:
    from types import MethodType

    from starlette.types import Receive, Send

    from tests.support.sandbox.faults import Fault


_PAGE: Final = b"<!doctype html><title>Gateway</title><h1>Something went wrong</h1>"
_HTML: Final = "text/html; charset=utf-8"
_JSON: Final = "application/json"
_GARBAGE: Final = b'{"id": "ds_0", "status": "HEAL'
_CHUNK: Final = b" " * 65_536
_CODE_OF: Final = {int(status): code for code, status in reversed(list(STATUS_OF.items()))}


class _Connection(Protocol):
    def abort(self) -> None: ...


class _RequestCycle(Protocol):
    """uvicorn's, of which `receive` is a method."""

    transport: _Connection


async def send_fault_response(fault: Fault, true_answer: ApiResponse, receive: Receive, send: Send) -> None:
    """Answer as the fault has it; `true_answer` is what the request came to, or would not have."""
    match fault.kind:
        case "status":
            await _send_status(fault, send)
        case "garbage":
            await send_bytes(200, fault.content or _GARBAGE, _JSON, {}, send)
        case "html":
            await send_bytes(200, fault.content or _PAGE, _HTML, {}, send)
        case "unbounded":
            await _send_unbounded(fault.size, receive, send)
        case "drop_before" | "drop_after":
            cast("_RequestCycle", cast("MethodType", receive).__self__).transport.abort()
            await _wait_for_disconnect(receive)
        case "timeout":
            await _wait_for_disconnect(receive)
        case _:
            if not await _has_disconnected_within(fault.seconds, receive):
                await send_response(true_answer, send)


async def _send_status(fault: Fault, send: Send) -> None:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.content is not None:
        await send_bytes(fault.status, fault.content, _JSON, headers, send)
    elif fault.body == "html":
        await send_bytes(fault.status, _PAGE, _HTML, headers, send)
    elif fault.body == "plain":
        await send_bytes(fault.status, fault.message.encode(), "text/plain; charset=utf-8", headers, send)
    elif fault.body == "empty":
        await send_bytes(fault.status, b"", "", headers, send)
    else:
        error: dict[str, Any] = {"code": _CODE_OF.get(fault.status, "internal"), "message": fault.message}
        if fault.details:
            error["details"] = fault.details
        await send_response(ApiResponse(status=fault.status, payload={"error": error}, headers=headers), send)


async def _send_unbounded(size: int | None, receive: Receive, send: Send) -> None:
    """Stream blank bytes after an opened object: `size` of them, or until the client has had enough."""
    headers = [(b"content-type", _JSON.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async with anyio.create_task_group() as tasks:

        async def cancel_on_disconnect() -> None:
            await _wait_for_disconnect(receive)
            tasks.cancel_scope.cancel()

        tasks.start_soon(cancel_on_disconnect)
        chunk, left = b'{"results": ' + _CHUNK, size
        while left is None or left > 0:
            chunk = chunk if left is None else chunk[:left]
            left = None if left is None else left - len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await anyio.lowlevel.checkpoint()
            chunk = _CHUNK
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await send({"type": "http.response.body", "body": b""})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _has_disconnected_within(seconds: float, receive: Receive) -> bool:
    with contextlib.suppress(TimeoutError), anyio.fail_after(seconds):
        await _wait_for_disconnect(receive)
        return True
    return False
