"""What may stand behind a webhook's address without being a web server, and names that lead there."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSStream
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    import pytest
    from anyio.abc import ByteStream

    Behaviour = Callable[[ByteStream], Awaitable[None]]

NAME = "hooks.test"


@asynccontextmanager
async def listen_raw(behaviour: Behaviour, certified: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A port of this machine where that happens on every connection; with a certificate, inside TLS."""

    async def handle(stream: ByteStream) -> None:
        with suppress(anyio.BrokenResourceError, anyio.EndOfStream):  # the other side has had enough
            async with stream:
                if certified:
                    stream = await TLSStream.wrap(stream, ssl_context=certified, standard_compatible=False)
                await behaviour(stream)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port: int = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handle)
        yield port
        tasks.cancel_scope.cancel()


async def accept_message(stream: ByteStream) -> None:
    await read_headers(stream)
    await stream.send(b"HTTP/1.1 204 No Content\r\n\r\n")


async def read_headers(stream: ByteStream) -> bytes:
    """What came, up to the end of its headers."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += await stream.receive()
    return text


def make_certificate(folder: Path, *names: str) -> ssl.SSLContext:
    """A server's side of TLS under these names, signed by itself; `folder/ca.pem` is what a client has to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


@dataclass
class FakeResolver:
    """What a resolver says: addresses by name. One that is in `hanging` is never answered, until `free` is set."""

    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)


@contextmanager
def install_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeResolver]:
    """Have names looked up there; those that are numbers are what they are."""
    told, real = FakeResolver(known={NAME: ("127.0.0.1",)}), socket.getaddrinfo

    def resolve_host(host: str | bytes | None, *given: Any, **named: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        if name is None or name.replace(".", "").replace(":", "").isdecimal() or ":" in name:
            return real(host, *given, **named)
        told.asked.append(name)
        if name in told.hanging:
            told.free.wait(60)
        if name not in told.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [found for each in told.known[name] for found in real(each, *given, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve_host)
    try:
        yield told
    finally:
        told.free.set()
