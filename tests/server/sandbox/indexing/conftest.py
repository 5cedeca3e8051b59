"""A sandbox that is spoken to in the Indexing dialect, without its limits of rate unless they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.sandbox.indexing.client import Indexing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.sandbox.serve import EmbeddedSandbox


@pytest.fixture
def indexing(glean: EmbeddedSandbox) -> Iterator[Indexing]:
    glean.sandbox.turn(limits_rate=False)
    glean.sandbox.set_rate(1e9, minimum_seconds=0)
    with Indexing(glean) as client:
        yield client


@pytest.fixture
def wiki(indexing: Indexing) -> Indexing:
    """With a datasource."""
    indexing.make()
    return indexing
