"""A sandbox that is spoken to in the Indexing dialect, without its limits of rate unless they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.glean.indexing_client import IndexingClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sandbox.embedded import EmbeddedSandbox


@pytest.fixture
def indexing_client(glean: EmbeddedSandbox) -> Iterator[IndexingClient]:
    glean.sandbox.set_switches(limits_rate=False)
    glean.sandbox.set_indexing_rate(1e9, minimum_seconds=0)
    with IndexingClient(glean) as client:
        yield client


@pytest.fixture
def wiki_client(indexing_client: IndexingClient) -> IndexingClient:
    """With a datasource."""
    indexing_client.create_datasource()
    return indexing_client
