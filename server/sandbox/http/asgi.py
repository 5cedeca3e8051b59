"""Reads bodies and sends answers over plain ASGI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from starlette.types import Receive, Send

    from server.sandbox.http.responses import ApiResponse

PLAIN: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json; charset=UTF-8"


class ClientGoneError(Exception):
    """The client disconnected before the end of its request."""


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """Read the whole body; None when it is larger than `limit` bytes.

    A body that is too large is read to its end and thrown away. An earlier answer would reset the connection while the
    client is still sending, and the client would never see it.

    Raises:
        ClientGoneError: the client disconnected before the end.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            parts.append(part)
        else:
            parts.clear()
        if not message.get("more_body", False):
            return b"".join(parts) if size <= limit else None


async def send_response(answer: ApiResponse, send: Send) -> None:
    """Send an answer, as JSON or as plain text."""
    if answer.text is not None:
        await send_bytes(answer.status, answer.text.encode(), PLAIN, answer.headers, send)
    elif answer.payload is None:
        await send_bytes(answer.status, b"", "", answer.headers, send)
    else:
        body = msgspec.json.encode(answer.payload)
        await send_bytes(answer.status, body, JSON, answer.headers, send)


async def send_bytes(
    status: int, body: bytes, content_type: str, headers: dict[str, str], send: Send
) -> None:
    """Send bytes as a response; an empty `content_type` sends no such header."""
    lines = {**headers, "content-type": content_type} if content_type else headers
    sent = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in lines.items()]
    if status not in (204, 304):  # they have no body, and a 204 no Content-Length (RFC 9110, 8.6)
        sent.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})
