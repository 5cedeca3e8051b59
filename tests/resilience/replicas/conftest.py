"""Fleets of replicas."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.content.template_repository import write_repository
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.servers.replica_fleet import PausableClock, ReplicaFleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.stores.postgres_server import PostgresServer


@contextmanager
def open_fleet(folder: Path, postgres: PostgresServer, launched: str) -> Iterator[ReplicaFleet]:
    """A fleet without a ship; whatever is started is killed in the end."""
    url, clock = postgres.create_database(launched), PausableClock()
    repository = write_repository(folder / "repository", records=12)
    with EmbeddedSandbox(folder / "glean.sqlite", token="their-key", now=clock) as sandbox:
        fleet = ReplicaFleet(folder=folder, database=url, sandbox=sandbox, clock=clock, repository=repository)
        with fleet.exits:
            yield fleet
    postgres.drop_database(url)


@pytest.fixture
def fleet(tmp_path: Path, postgres: PostgresServer, engine_template: str) -> Iterator[ReplicaFleet]:
    """A fleet of a test's own."""
    with open_fleet(tmp_path, postgres, engine_template) as made:
        yield made
