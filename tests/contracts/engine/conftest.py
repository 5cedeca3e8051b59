"""Both engines, each over something that outlives it: a journal, a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from server.adapters.engine.durable import DurableEngine
from server.adapters.engine.inline import Entry, InlineEngine
from server.postgres.address import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from domain.ports import Engine, Saga
    from server.postgres.address import Address
    from tests.postgres import Cluster

    Open = Callable[[Mapping[str, Saga]], AbstractAsyncContextManager[Any]]


@pytest.fixture(params=["inline", "sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens an engine; the next one that it opens finds what the former left."""
    journal: dict[str, Entry] = {}
    if request.param == "inline":
        yield lambda sagas: InlineEngine(sagas, journal=journal)
    elif request.param == "sqlite":
        yield _durable(tmp_path / "engine")
    else:
        cluster: Cluster = request.getfixturevalue("postgres")
        url = cluster.fresh(request.getfixturevalue("launched"))
        yield _durable(parsed(url))
        cluster.drop(url)


def _durable(where: Path | Address) -> Open:
    return lambda sagas: DurableEngine(where, sagas, watch_s=0.1, dead_after_s=0.1)


def conforms(inline: InlineEngine, durable: DurableEngine) -> tuple[Engine, Engine]:
    """The type checker's word that both are the port."""
    return inline, durable
