"""One push by our adapter, in a process of its own: staged lines from a file, sent as one upload and ended.

`python -m tests.benchmarks.glean.adapter_push ADDRESS FILE` prints the CPU seconds, and the peak memory in MB.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
from pydantic import SecretStr

from server.adapters.clock import SystemClock
from server.adapters.glean.indexing.platform import IndexingPlatform
from server.adapters.glean.transport.rate_limiter import RateLimiter
from tests.benchmarks.glean.sandbox_process import TOKEN
from tests.benchmarks.measure import peak_mb
from tests.support.glean.datasources import MARK, datasource_spec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

STAGED: Final = 500
"""So many lines are read at a time, as staging gives them."""


def build_platform(base_url: str, per_second: float = 1e9) -> IndexingPlatform:
    """Our adapter, which may ask so often; to be opened."""
    return IndexingPlatform(
        base_url, SecretStr(TOKEN), clock=SystemClock(), limiter=RateLimiter(per_second=per_second)
    )


async def read_pages(path: Path) -> AsyncIterator[Sequence[bytes]]:
    """The lines of a file, never all of them at once."""
    with path.open("rb") as file:
        while lines := list(islice(file, STAGED)):
            yield lines


async def register_datasource(base_url: str) -> str:
    """The handle of the datasource that `pushing` fills."""
    async with build_platform(base_url) as glean:
        return await glean.ensure(datasource_spec())


async def _measure_push(base_url: str, path: Path) -> float:
    async with build_platform(base_url) as glean:
        handle = await glean.ensure(datasource_spec())
        run = secrets.token_hex(4)
        began = time.process_time()
        await glean.push(handle, MARK, run, read_pages(path), lambda _: None)
        await glean.start_sync(handle, MARK, run)
        return time.process_time() - began


if __name__ == "__main__":
    took = anyio.run(_measure_push, sys.argv[1], Path(sys.argv[2]))
    print(json.dumps({"cpu_s": took, "peak_mb": peak_mb()}))
