"""What stands behind a webhook's address may be anything: it gets its time and no more, and nothing of ours."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import anyio
import pytest
from pydantic import SecretStr
from starlette.responses import Response

from domain.model.delivery import DeliveryResult
from server.adapters.clock import SystemClock
from server.adapters.webhooks import HttpCourier
from tests.integration.webhooks.test_webhook_sender import MESSAGE
from tests.support.webhooks.raw_listener import (
    NAME,
    accept_message,
    install_resolver,
    listen_raw,
    make_certificate,
    read_headers,
)
from tests.support.webhooks.receiver import SECRET, WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anyio.abc import ByteStream
    from starlette.requests import Request

    from tests.support.webhooks.raw_listener import Behaviour, FakeResolver

SHORT_S = 0.5
NO_ANSWER = DeliveryResult(error=f"no answer within {SHORT_S:g} seconds")


@pytest.fixture(autouse=True)
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeResolver]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with install_resolver(monkeypatch) as told:
        yield told


async def send_message(url: str, *, timeout_s: float = 20) -> DeliveryResult:
    async with HttpCourier(url, [SecretStr(SECRET)], clock=SystemClock(), timeout_s=timeout_s) as courier:
        return await courier.send(MESSAGE)


async def _silent(stream: ByteStream) -> None:
    await stream.receive()
    await anyio.sleep_forever()


async def _header_by_header(stream: ByteStream) -> None:
    await read_headers(stream)
    await stream.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await stream.send(b"x-more: of it\r\n")
        await anyio.sleep(SHORT_S / 20)


async def _only_ever_continue(stream: ByteStream) -> None:
    await read_headers(stream)
    while True:
        await stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")


async def _megabytes_of_headers(stream: ByteStream) -> None:
    await read_headers(stream)
    await stream.send(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        await stream.send(b"x" * (1 << 20))


async def _another_protocol(stream: ByteStream) -> None:
    await read_headers(stream)
    await stream.send(b"220 mail.example.com ESMTP\r\n")


async def _hangs_up(stream: ByteStream) -> None:
    await read_headers(stream)


async def _leads_nowhere(stream: ByteStream) -> None:
    await read_headers(stream)
    await stream.send(b"HTTP/1.1 302 Found\r\nlocation: http://[nowhere\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("behaviour", "answer"),
    [
        (_silent, NO_ANSWER),
        (_header_by_header, NO_ANSWER),
        (_only_ever_continue, NO_ANSWER),
        (_megabytes_of_headers, DeliveryResult(error="no answer: RemoteProtocolError")),
        (_another_protocol, DeliveryResult(error="no answer: RemoteProtocolError")),
        (_hangs_up, DeliveryResult(error="no answer: RemoteProtocolError")),
        (_leads_nowhere, DeliveryResult(error="answered 302, a redirect, which is not followed")),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
async def test_what_is_no_answer_ends_in_time_and_says_what_it_was(
    behaviour: Behaviour, answer: DeliveryResult
) -> None:
    timeout_s = SHORT_S if answer == NO_ANSWER else 20
    async with listen_raw(behaviour) as port:
        assert await send_message(f"http://127.0.0.1:{port}/hook", timeout_s=timeout_s) == answer


async def test_one_that_never_begins_tls_ends_in_time() -> None:
    async with listen_raw(_silent) as port:
        assert await send_message(f"https://127.0.0.1:{port}/hook", timeout_s=SHORT_S) == NO_ANSWER


async def test_one_that_speaks_no_tls_is_a_failure() -> None:
    async def plain(stream: ByteStream) -> None:
        await stream.receive()
        await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with listen_raw(plain) as port:
        assert await send_message(f"https://127.0.0.1:{port}/hook") == DeliveryResult(
            error="no answer: TLS failed"
        )


async def test_a_certificate_counts_by_the_name_that_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resolver: FakeResolver
) -> None:
    resolver.known["other.test"] = ("127.0.0.1",)
    async with listen_raw(accept_message, make_certificate(tmp_path, NAME)) as port:
        assert await send_message(f"https://{NAME}:{port}/hook") == DeliveryResult(
            error="no answer: its certificate is not valid"
        )
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert await send_message(f"https://{NAME}:{port}/hook") == DeliveryResult()
        assert await send_message(f"https://other.test:{port}/hook") == DeliveryResult(
            error="no answer: its certificate is not valid"
        )


async def test_a_name_that_nobody_knows_is_a_failure() -> None:
    assert await send_message("https://nowhere.test/hook") == DeliveryResult(
        error="no answer: its host name cannot be resolved"
    )
    assert await send_message(f"https://{'a' * 70}.test/hook") == DeliveryResult(
        error="no answer: its host name cannot be resolved"
    )


async def test_of_several_addresses_the_next_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resolver: FakeResolver
) -> None:
    resolver.known[NAME] = ("127.0.0.9", "127.0.0.1")
    context = make_certificate(tmp_path, NAME)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with listen_raw(accept_message, context) as port:
        assert await send_message(f"https://{NAME}:{port}/hook") == DeliveryResult()


async def test_localhost_is_this_machine_whatever_a_resolver_says(resolver: FakeResolver) -> None:
    resolver.known["localhost"] = ("192.0.2.1",)
    async with WebhookReceiver().listen() as receiver:
        assert await send_message(receiver.url.replace("127.0.0.1", "localhost")) == DeliveryResult()
    assert resolver.asked == []
    [headers] = receiver.headers
    assert headers["host"] == f"localhost:{receiver.port}"


@pytest.mark.resilience
async def test_names_that_hang_hold_up_nobody_else_who_looks_a_name_up(resolver: FakeResolver) -> None:
    resolver.hanging.add("hangs.test")
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(send_message, "https://hangs.test/hook")
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(10):
            found = await asyncio.get_running_loop().getaddrinfo(NAME, 443, type=socket.SOCK_STREAM)
        tasks.cancel_scope.cancel()
    assert found[0][4] == ("127.0.0.1", 443)


async def test_a_name_that_hangs_ends_in_time(resolver: FakeResolver) -> None:
    resolver.hanging.add("hangs.test")
    assert await send_message("https://hangs.test/hook", timeout_s=SHORT_S) == NO_ANSWER


async def test_what_a_webhook_wants_remembered_is_forgotten() -> None:
    async def cookies(_: Request) -> Response:
        response = Response(status_code=204)
        response.set_cookie("mark", "x" * 1000)
        return response

    async with (
        WebhookReceiver(cookies).listen() as receiver,
        HttpCourier(receiver.url, [SecretStr(SECRET)], clock=SystemClock(), timeout_s=20) as courier,
    ):
        assert [await courier.send(MESSAGE) for _ in range(2)] == [DeliveryResult()] * 2
    assert [each.get("cookie") for each in receiver.headers] == [None, None]


async def test_a_proxy_of_the_environment_is_used_for_others_and_never_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked_for: list[bytes] = []

    async def proxy(stream: ByteStream) -> None:
        asked_for.append((await read_headers(stream)).splitlines()[0])
        await stream.send(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

    async with listen_raw(proxy) as port, WebhookReceiver().listen() as receiver:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        assert await send_message(receiver.url) == DeliveryResult()
        assert await send_message("https://nowhere.test/hook") == DeliveryResult(
            error="no answer: ProxyError"
        )
        monkeypatch.setenv("no_proxy", "nowhere.test")
        assert await send_message("https://nowhere.test/hook") == DeliveryResult(
            error="no answer: its host name cannot be resolved"
        )
    assert asked_for == [b"CONNECT nowhere.test:443 HTTP/1.1"]
