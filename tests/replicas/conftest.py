"""Fleets of replicas."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from server.sandbox.serve import EmbeddedSandbox
from tests.replicas.fleet import Fleet, Pausing
from tests.repository import write_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.postgres import Cluster


@contextmanager
def gathered(folder: Path, postgres: Cluster, launched: str) -> Iterator[Fleet]:
    """A fleet without a ship; whatever is started is killed in the end."""
    url, clock = postgres.fresh(launched), Pausing()
    repository = write_repository(folder / "repository", records=12)
    with EmbeddedSandbox(folder / "glean.sqlite", token="their-key", now=clock) as sandbox:
        fleet = Fleet(folder=folder, database=url, sandbox=sandbox, clock=clock, repository=repository)
        with fleet.exits:
            yield fleet
    postgres.drop(url)


@pytest.fixture
def fleet(tmp_path: Path, postgres: Cluster, launched: str) -> Iterator[Fleet]:
    """A fleet of a test's own."""
    with gathered(tmp_path, postgres, launched) as made:
        yield made
