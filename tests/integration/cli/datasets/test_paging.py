"""More rows than one page holds: a command shows all of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import product
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import client, connector, dataset, journey

if TYPE_CHECKING:
    from domain.ports import UnitOfWork
    from tests.support.servers.command_line import CommandLine

CLIENTS = tuple(f"client-{number}" for number in range(5))
COUNT = len(CLIENTS) * len(Stage) * len(DatasetType)


def _sixty(uow: UnitOfWork) -> None:
    for client_id in CLIENTS:
        uow.clients.put(client(client_id))
        uow.journeys.put(journey(client_id=client_id, state=JourneyState.CANCELLED, stage=Stage.PRODUCTION))
    for number, (client_id, stage, dataset_type) in enumerate(product(CLIENTS, Stage, DatasetType)):
        held = dataset(
            f"d{number:02}",
            client_id=client_id,
            stage=stage,
            dataset_type=dataset_type,
            status=DatasetStatus.FAILED,
            connector_id=f"k{number:02}",
        )
        uow.datasets.put(held)
        uow.connectors.put(
            connector(f"k{number:02}", dataset_id=held.dataset_id, client_id=client_id, name=f"C{number}")
        )


def _seed(commands: CommandLine) -> None:
    async def seed() -> None:
        async with SqliteStore(commands.folder / "store.db") as store:
            await store.transact(_sixty)

    commands.folder.mkdir()
    anyio.run(seed)


@pytest.mark.parametrize("args", [("datasets", "list"), ("orphans",), ("health",)])
def test_every_page_is_shown(command_line: CommandLine, args: tuple[str, ...]) -> None:
    _seed(command_line)
    shown = command_line.run_json(*args)

    assert [each["dataset_id"] for each in shown["items"]] == [f"d{number:02}" for number in range(COUNT)]
    assert (shown["count"], shown.get("next_cursor")) == (COUNT, None)


def test_a_journey_that_cannot_be_read_is_named(command_line: CommandLine) -> None:
    _seed(command_line)
    with closing(sqlite3.connect(command_line.folder / "store.db")) as store, store:
        store.execute("update journeys set state = 'gone' where client_id = 'client-3'")
    listed = command_line.run_json("journeys", "list")
    orphans = command_line.run_json("orphans", "--client-id", "client-3")

    assert listed["count"] == len(CLIENTS) - 1
    assert len(listed["unreadable"]) == 1
    assert "cannot be read" in command_line.run_ok("journeys", "list")
    assert (orphans["items"], len(orphans["unknown"])) == ([], COUNT // len(CLIENTS))
    assert "Their journey cannot be read" in command_line.run_ok("orphans", "--client-id", "client-3")
