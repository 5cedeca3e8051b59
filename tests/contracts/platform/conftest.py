"""Every dialect of the `Platform` port that the suite runs over, each against the sandbox over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.adapters.glean.indexing_config import wanted
from server.adapters.glean.indexing_names import datasource_of
from server.sandbox.contents import CUSTOM
from server.sandbox.serve import EmbeddedSandbox
from tests.gleaning import SITE, admin, indexing, source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from domain.platform import Platform
    from server.adapters.glean.admin import AdminGlean
    from server.adapters.glean.indexing import IndexingGlean

    Foreign = Callable[[str, object], str]

DIALECTS: dict[str, Callable[[EmbeddedSandbox], AdminGlean | IndexingGlean]] = {
    "admin": admin,
    "indexing": indexing,
}


@pytest.fixture
def glean(tmp_path: Path) -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox(tmp_path / "glean.db", token="key-of-the-tests") as running:
        running.sandbox.set_rate(1e9, minimum_seconds=0)
        yield running


@pytest.fixture(params=sorted(DIALECTS))
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def platform(dialect: str, glean: EmbeddedSandbox) -> AsyncIterator[Platform]:
    async with DIALECTS[dialect](glean) as opened:
        yield opened


@pytest.fixture
def foreign(dialect: str, glean: EmbeddedSandbox) -> Foreign:
    """`foreign(name, mark)` makes a datasource by hand under a name of ours, with whatever for a mark; its handle."""

    def admin_made(name: str, mark: object) -> str:
        config = None if mark is None else {"managedBy": mark}
        return str(glean.sandbox.create_foreign(name, config=config)["id"])

    def indexing_made(name: str, mark: object) -> str:
        handle = datasource_of(name)
        home = SITE if mark is None else f"{SITE}#dataset-lifecycle/{mark}"
        glean.sandbox.create_foreign(handle, CUSTOM, {**wanted(source(name), handle), "homeUrl": home})
        return handle

    return {"admin": admin_made, "indexing": indexing_made}[dialect]
