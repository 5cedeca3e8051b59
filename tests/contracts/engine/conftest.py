"""Both engines, each over something that outlives it: a journal, a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from server.adapters.engine.durable import DurableEngine
from server.adapters.engine.inline import Entry, InlineEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from domain.ports import Engine, Saga


@pytest.fixture(params=["inline", "durable"])
def opened(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[Mapping[str, Saga]], AbstractAsyncContextManager[Any]]:
    """Opens an engine; the next one that it opens finds what the former left."""
    journal: dict[str, Entry] = {}
    if request.param == "inline":
        return lambda sagas: InlineEngine(sagas, journal=journal)
    return lambda sagas: DurableEngine(tmp_path / "engine", sagas, watch_s=0.1)


def conforms(inline: InlineEngine, durable: DurableEngine) -> tuple[Engine, Engine]:
    """The type checker's word that both are the port."""
    return inline, durable
