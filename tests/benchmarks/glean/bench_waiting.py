"""What an upload in the Indexing dialect waits for: the rate that Glean allows, and the distance to Glean.

Small pages, so that it is requests that are counted and waited for, and not the work of the sandbox.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Final
from unittest import mock

import anyio
import httpx
import msgspec
import structlog

from server.adapters.glean.indexing import wire
from server.adapters.glean.indexing.documents import DocumentEncoder
from tests.benchmarks.glean.adapter_push import build_platform, register_datasource
from tests.benchmarks.glean.sandbox_process import TOKEN, emulator
from tests.benchmarks.measure import Goal, Row
from tests.support.glean.datasources import MARK, datasource_spec, staged_line, staged_pages
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

THROTTLED_GOAL: Final = Goal(bound=0.9)
ALLOWED: Final = 30
"""The bulk requests a second that Glean lets a token make."""
SECONDS: Final = 10
PAGE: Final = 20
LATENCIES_MS: Final = (1, 20, 100)
ROUNDS: Final = 3


def rows(*, quick: bool) -> list[Row]:
    """The share of the allowed rate, then the time of an undisturbed upload by latency."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    found = []
    with mock.patch.object(wire, "PAGE_COUNT", PAGE):
        if not quick:
            found += [anyio.run(_measure_throttled_share, count, ALLOWED) for count in (1, 4, 16)]
            found.append(anyio.run(_measure_throttled_share, 16, 5 * ALLOWED))
        return found + anyio.run(_far_away, 20 if quick else 60)


async def _measure_throttled_share(datasets: int, own_limit: float) -> Row:
    """The share that was reached once the requests of the first second, which may pass at once, were through."""
    each = ALLOWED * (SECONDS + 1) // datasets
    lines = [staged_line(number) for number in range(each * PAGE)]
    through: list[float] = []
    with emulator(limits_rate=True) as (base_url, sandbox):
        async with build_platform(base_url, own_limit) as glean:
            marks = [replace(MARK, dataset_id=f"d{number}") for number in range(datasets)]
            handles = [
                await glean.ensure(datasource_spec(f"N{number}", mark)) for number, mark in enumerate(marks)
            ]
            async with anyio.create_task_group() as group:
                for handle, mark in zip(handles, marks, strict=True):
                    group.start_soon(
                        glean.push,
                        handle,
                        mark,
                        "run",
                        staged_pages(lines, PAGE),
                        lambda _: through.append(time.monotonic()),
                    )
        refused = sandbox.request_counts().get(("bulkindexdocuments", 429), 0)
    rate = (len(through) - ALLOWED) / (through[-1] - through[ALLOWED - 1])
    believed = "" if own_limit == ALLOWED else f", who believe in {own_limit}"
    return Row(
        what=f"{datasets} uploads at once under a limit{believed}",
        figure=f"{rate:.1f} pages/s, {refused} refused",
        beside=f"allowed {ALLOWED}/s",
        ratio=rate / ALLOWED,
        goal=THROTTLED_GOAL,
    )


async def _far_away(count: int) -> list[Row]:
    """Beside the same pages, posted one after the other."""
    lines = [staged_line(number) for number in range(count * PAGE)]
    ours: dict[int, list[float]] = {latency: [] for latency in LATENCIES_MS}
    serial: dict[int, list[float]] = {latency: [] for latency in LATENCIES_MS}
    with emulator() as (base_url, sandbox):
        handle = await register_datasource(base_url)
        for latency in LATENCIES_MS * ROUNDS:
            sandbox.faults.clear()
            sandbox.faults.add(
                Fault(kind="slow", operation="bulkindexdocuments", seconds=latency / 1e3, times=None)
            )
            ours[latency].append(await _at_once(base_url, handle, lines))
            serial[latency].append(await _one_by_one(base_url, handle, lines))
    nearest = median(ours[LATENCIES_MS[0]])
    return [
        Row(
            what=f"upload of {count} pages, answers {latency} ms away",
            figure=f"{median(ours[latency]):.2f} s, {median(ours[latency]) / nearest:.1f} times that of 1 ms",
            beside=f"one by one {median(serial[latency]):.2f} s",
            ratio=median(serial[latency]) / median(ours[latency]),
        )
        for latency in LATENCIES_MS
    ]


async def _at_once(base_url: str, handle: str, lines: Sequence[bytes]) -> float:
    async with build_platform(base_url) as glean:
        began = time.monotonic()
        await glean.push(handle, MARK, "run", staged_pages(lines, PAGE), lambda _: None)
        return time.monotonic() - began


async def _one_by_one(base_url: str, handle: str, lines: Sequence[bytes]) -> float:
    encode = DocumentEncoder(handle).encode
    url = f"{base_url}/api/index/v1/bulkindexdocuments"
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    upload = secrets.token_hex(4)
    flags = {"isFirstPage": True, "forceRestartUpload": True}
    began = time.monotonic()
    async with httpx.AsyncClient(headers=headers) as client:
        async for page in staged_pages(lines, PAGE):
            documents = [msgspec.Raw(encode(each)) for each in page]
            body = {"uploadId": upload, "datasource": handle, "documents": documents, **flags}
            answer = await client.post(url, content=msgspec.json.encode(body))
            answer.raise_for_status()
            flags = {}
    return time.monotonic() - began
