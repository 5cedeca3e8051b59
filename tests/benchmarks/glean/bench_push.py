"""Documents pushed per CPU second of this process: the adapter beside a bare client that posts pages made beforehand.

The server only counts, in a process of its own, so that its time is not ours. This is the Admin dialect, which Glean's
SDK does not speak; `bench_indexing` has the SDK beside us. Also: the share of an allowed request
rate that many callers reach when the sandbox answers 429 beyond it.
"""

from __future__ import annotations

import logging
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpx
import msgspec
import structlog
from pydantic import SecretStr

from server.adapters.clock import SystemClock
from server.adapters.glean.admin.documents import encode_admin_document
from server.adapters.glean.admin.platform import AdminPlatform
from server.adapters.glean.transport.rate_limiter import RateLimiter
from tests.benchmarks.measure import Goal, Row, medians
from tests.support.glean.datasources import CONFIG, MARK, admin_platform, staged_line, staged_pages
from tests.support.sandbox.embedded import EmbeddedSandbox

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from starlette.types import Receive, Scope, Send

THROTTLED: Final = Goal(bound=0.9)
DOCUMENTS = 20_000
ROUNDS = 5
PAGE = 500
TEXT = "The ledger closed late, and the on-call engineer found the queue full of retries. " * 10
ALLOWED = 60.0
CALLERS = 20
SECONDS = 8.0


async def _sink(scope: Scope, receive: Receive, send: Send) -> None:
    """Take what comes: the datasource is ours, and every page is taken."""
    if scope["type"] != "http":
        return
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if scope["method"] == "GET":
        mark = {"installation": MARK.installation, "datasetId": MARK.dataset_id}
        answer: Any = {
            "id": "ds",
            "name": "n",
            "connector": "confluence",
            "config": {**CONFIG, "managedBy": mark},
        }
    else:
        answer = {"accepted": body.count(b'"objectType"'), "total": 0}
    raw = msgspec.json.encode(answer)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": raw})


def _serve(ready: Connection) -> None:
    import socket  # noqa: PLC0415 - of the server's process only

    import uvicorn  # noqa: PLC0415

    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    bound.listen(128)
    ready.send(bound.getsockname()[1])
    uvicorn.Server(uvicorn.Config(_sink, log_level="critical", lifespan="off")).run(sockets=[bound])


async def _bare(base_url: str, bodies: list[bytes]) -> float:
    limits = httpx.Limits(max_connections=4)
    async with httpx.AsyncClient(base_url=base_url, limits=limits, timeout=30) as client:
        await client.get("/x")
        slots = anyio.Semaphore(4)
        started = time.process_time()

        async def post(body: bytes) -> None:
            async with slots:
                answer = await client.post("/x", content=body, headers={"Content-Type": "application/json"})
                answer.raise_for_status()

        async with anyio.create_task_group() as group:
            for body in bodies:
                group.start_soon(post, body)
        return time.process_time() - started


async def _ours(base_url: str, lines: list[bytes]) -> float:
    limiter = RateLimiter(per_second=1e9, in_flight=8)
    async with AdminPlatform(base_url, SecretStr("k"), clock=SystemClock(), limiter=limiter) as glean:
        await glean.observe_all([], [])
        started = time.process_time()
        assert await glean.push("ds", MARK, "run", staged_pages(lines, PAGE), lambda _: None) == len(lines)
        return time.process_time() - started


def _per_cpu_second(*, documents: int, rounds: int) -> list[Row]:
    lines = [staged_line(number, TEXT) for number in range(documents)]
    encoded = [encode_admin_document(each) for each in lines]
    bodies = [
        b'{"documents":[' + b",".join(encoded[start : start + PAGE]) + b"]}"
        for start in range(0, documents, PAGE)
    ]
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    server = spawned.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    base_url = f"http://127.0.0.1:{ours.recv()}"
    took = medians(
        rounds,
        {
            "bare": lambda: anyio.run(_bare, base_url, bodies),
            "ours": lambda: anyio.run(_ours, base_url, lines),
            "encoding": lambda: _measure_encoding_s(lines),
        },
    )
    server.terminate()
    server.join()
    rate = {name: f"{documents / seconds / 1e3:.0f} k/CPU s" for name, seconds in took.items()}
    return [
        Row(
            what=f"push of {documents:,} documents",
            figure=rate["ours"],
            beside=f"bare httpx, pages made before {rate['bare']}",
            ratio=took["bare"] / took["ours"],
        ),
        Row(what="of which encoding", figure=rate["encoding"]),
    ]


def _measure_encoding_s(lines: list[bytes]) -> float:
    started = time.process_time()
    for each in lines:
        encode_admin_document(each)
    return time.process_time() - started


async def _measure_throttled_share(folder: Path, retry_after: int | None) -> float:
    """The share of the allowed requests that were got, once the first burst is over."""
    with EmbeddedSandbox(folder / f"glean-{retry_after}.db") as sandbox:
        async with admin_platform(sandbox, limiter=RateLimiter(per_second=5 * ALLOWED), waits=1.0) as glean:
            sandbox.sandbox.limit_requests(ALLOWED, retry_after=retry_after)
            started = time.monotonic()

            async def principal() -> None:
                while time.monotonic() < started + SECONDS:
                    await glean.fetch_fingerprint()

            async with anyio.create_task_group() as group:
                for _ in range(CALLERS):
                    group.start_soon(principal)
            took = time.monotonic() - started
        done = sandbox.sandbox.request_counts()["tenant.get", 200]
    return (done - ALLOWED) / (took * ALLOWED)


def _under_throttling() -> list[Row]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for retry_after in (None, 1):
            share = anyio.run(_measure_throttled_share, Path(folder), retry_after)
            said = "no Retry-After" if retry_after is None else f"Retry-After: {retry_after}"
            found.append(
                Row(
                    what=f"{CALLERS} callers under 429, {said}",
                    figure=f"{share * ALLOWED:.0f} requests/s",
                    beside=f"allowed {ALLOWED:.0f} requests/s",
                    ratio=share,
                    goal=THROTTLED,
                )
            )
    return found


def rows(*, quick: bool) -> list[Row]:
    """Documents per CPU second, and the share of an allowed rate."""
    pushed = _per_cpu_second(documents=5_000 if quick else DOCUMENTS, rounds=3 if quick else ROUNDS)
    return pushed if quick else [*pushed, *_under_throttling()]
