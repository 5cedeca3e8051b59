"""A sandbox over real HTTP, and a client of it that hardly waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.glean.datasources import admin_platform
from tests.support.sandbox.embedded import EmbeddedSandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from server.adapters.glean.admin.platform import AdminPlatform


@pytest.fixture
def glean(tmp_path: Path) -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox(tmp_path / "glean.db", token="key-of-the-tests") as running:
        running.sandbox.set_indexing_rate(1e9, minimum_seconds=0)
        running.sandbox.set_switches(limits_rate=False)
        yield running


@pytest.fixture
async def platform(glean: EmbeddedSandbox) -> AsyncIterator[AdminPlatform]:
    async with admin_platform(glean, timeout_s=0.3) as opened:
        yield opened
