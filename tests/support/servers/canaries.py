"""A canary for every secret setting, a search for them in any spelling, and peers that repeat what they are told."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args, get_origin
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_REQUIRED: Final[Mapping[str, Any]] = {"name": "hook", "url": "http://127.0.0.1:1/hook"}
_PREFIX: Final = "whsec_"
_TOLD_APART: Final = slice(16, 28)
"""The characters by which canaries differ from each other; a part of one is a leak, too."""


def canary(path: str) -> str:
    """The canary of a setting, in a form that every kind of secret may have."""
    inner = f"canary {sha256(path.encode()).hexdigest()[:23]}"
    return _PREFIX + base64.b64encode(inner.encode()).decode()


def plant_canaries(section: type[BaseModel], path: str = "") -> tuple[dict[str, Any], dict[str, str]]:
    """The values of a section in which every secret is a canary, and the canaries by the paths of their settings.

    The secrets are found by their types, so a new secret setting is planted as soon as it is there.
    """
    values: dict[str, Any] = {}
    canaries: dict[str, str] = {}
    for name, field in section.model_fields.items():
        planted, found = _plant_value(field.annotation, f"{path}.{name}".strip("."))
        if found:
            values[name] = planted
            canaries |= found
    required = (name for name, field in section.model_fields.items() if field.is_required())
    missing = {name: _REQUIRED[name] for name in required if name not in values} if canaries else {}
    return values | missing, canaries


# Of an annotation, which may be anything, it gives a value of that kind.
def _plant_value(kind: Any, path: str) -> tuple[Any, dict[str, str]]:  # noqa: ANN401
    if kind is SecretStr:
        return canary(path), {path: canary(path)}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return plant_canaries(kind, path)
    inner = [each for each in get_args(kind) if each not in {type(None), Ellipsis}]
    if get_origin(kind) is Annotated:
        return _plant_value(inner[0], path)
    if get_origin(kind) is dict:
        key = "ACME" if inner[0] is str else list(inner[0])[1].value
        value, found = _plant_value(inner[1], f"{path}.{key}")
        return {key: value}, found
    for each in inner:
        value, found = _plant_value(each, path)
        if found:
            return ([value] if get_origin(kind) is tuple else value), found
    return None, {}


@cache
def spellings(secret: str) -> set[bytes]:
    """How a secret, or the part of it that tells it apart, may be written: as it is, quoted, in base64, in hex."""
    raw = secret.encode()
    written = {
        raw,
        *(quote(secret, safe=safe).encode() for safe in ("", "/")),
        quote_plus(secret).encode(),
        repr(secret)[1:-1].encode(),
        json.dumps(secret)[1:-1].encode(),
    }
    written |= {raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):
        # The first and last characters depend on what is written before and after.
        encoded = base64.b64encode(b"x" * shift + raw)
        written |= {encoded[4:-4], encoded[4:-4].translate(bytes.maketrans(b"+/", b"-_"))}
    if secret.startswith(_PREFIX):
        inner = base64.b64decode(secret.removeprefix(_PREFIX))
        written |= {raw[_TOLD_APART], inner[10:22], inner.hex().encode()}
    # A terminal breaks lines where it likes, so texts are compared without white space.
    return {b"".join(each.split()) for each in written}


def leaked_settings(output: bytes | str, canaries: Mapping[str, str]) -> set[str]:
    """The settings whose canary is in an output, in whole or in part, in any spelling."""
    shown = output.encode("utf-8", "surrogateescape") if isinstance(output, str) else output
    joined = b"".join(shown.split())
    return {path for path, secret in canaries.items() if any(each in joined for each in spellings(secret))}


@dataclass(frozen=True)
class EchoingReply:
    """How a peer answers: status and headers, and a body around everything that it was sent."""

    status: int = 200
    before: str = ""
    after: str = ""
    location: str | None = None
    missing: int = 0


ECHOES: Final[Mapping[str, EchoingReply]] = {
    "garbage": EchoingReply(),
    "nested": EchoingReply(before='{"a":' + "[" * 100_000),
    "an error": EchoingReply(500, '{"error":{"code":"internal","message":', "}}"),
    "a refusal": EchoingReply(401, '{"error":{"code":"unauthorized","message":', "}}"),
    "a denial": EchoingReply(403, '{"message":', "}"),
    "a flaw": EchoingReply(400, '{"error":{"code":"invalid","field":"x","message":', "}}"),
    "other fields": EchoingReply(200, '{"id":', ',"datasources":"no list"}'),
    "an answer cut short": EchoingReply(missing=100),
    "a redirect": EchoingReply(307, location="/elsewhere?"),
}


@contextmanager
def echoing_http_server(reply: EchoingReply) -> Iterator[str]:
    """The address of a server that repeats each request's path, headers and body in its answer."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            told = f"{self.path} {dict(self.headers)} {self.rfile.read(length).decode(errors='replace')}"
            body = (reply.before + json.dumps(told) + reply.after).encode()
            self.send_response(reply.status)
            if reply.location is not None:
                self.send_header("Location", reply.location + quote(told))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body) + reply.missing))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815 - the names are the base class's

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _serve(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def echoing_postgres() -> Iterator[int]:
    """The port of a database that asks for the password in plain text, and refuses it by repeating it."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self._read()
            self.request.sendall(b"N")  # no TLS
            self._read()
            self.request.sendall(b"R" + (8).to_bytes(4) + (3).to_bytes(4))
            said = self._read()[5:].rstrip(b"\0")
            fields = (
                b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed: " + said + b"\0D" + said + b"\0\0"
            )
            self.request.sendall(b"E" + (len(fields) + 4).to_bytes(4) + fields)

        def _read(self) -> bytes:
            data: bytes = self.request.recv(65536)
            return data

    with _serve(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        yield port


@contextmanager
def _serve(server: socketserver.ThreadingMixIn | socketserver.TCPServer) -> Iterator[int]:
    assert isinstance(server, socketserver.TCPServer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    with server:
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
