"""Every dialect of the `Platform` port that the suite runs over, each against the sandbox over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.sandbox.serve import EmbeddedSandbox
from tests.gleaning import admin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from domain.platform import Platform

DIALECTS = {"admin": admin}


@pytest.fixture
def glean(tmp_path: Path) -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox(tmp_path / "glean.db", token="key-of-the-tests") as running:
        running.sandbox.set_rate(1e9, minimum_seconds=0)
        yield running


@pytest.fixture(params=sorted(DIALECTS))
async def platform(request: pytest.FixtureRequest, glean: EmbeddedSandbox) -> AsyncIterator[Platform]:
    async with DIALECTS[request.param](glean) as opened:
        yield opened
