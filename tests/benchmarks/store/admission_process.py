"""A process that admits datasets: `admitting.py WAY PLACE NUMBER`; PLACE is a file or a URL. It says when it can begin.

An admission reads the client, its journey, how many it has and who holds the place, and writes a dataset and an event.
The bare transaction takes the same lock, writes the same two rows and reads nothing.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
from anyio import to_thread

from domain.model.event import EventKind
from domain.policy.provision import ProvisionLimits, require_within_limits
from server.adapters.store.codec import encode_document, to_micros
from server.adapters.store.postgres.migrations import NAMESPACE, WRITE_LOCK
from server.infra.postgres.dsn import parse_postgres_url
from server.infra.postgres.sql_dialect import translate_statement
from tests.support.entities import NOW, client, dataset, journey, sample_event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.model.dataset import Dataset
    from domain.ports import UnitOfWork
    from server.adapters.store.threaded_store import ThreadedStore

    Admit = Callable[[Dataset], Awaitable[None]]

_DATASET: Final = """
insert into datasets
  (dataset_id, client_id, journey_id, stage, dataset_type, status, created_at, running, marked, document)
values (:id, :id, 'j1', 'sandbox', 'confluence_pages', 'ready', :created, 0, 0, :document)
"""
_EVENT: Final = """
insert into events (seq, dataset_id, kind, document)
values ((select coalesce(max(seq), 0) + 1 from events), :id, 'dataset:provisioning_started', :event)
"""


def store_at(place: str) -> ThreadedStore:
    """The store of a file or URL."""
    if "://" in place:
        from server.adapters.store.postgres.store import PostgresStore  # noqa: PLC0415 - as a process of the product does

        return PostgresStore(parse_postgres_url(place))
    from server.adapters.store.sqlite.store import SqliteStore  # noqa: PLC0415 - the same

    return SqliteStore(Path(place))


async def ours(place: str, number: int) -> None:
    """Admit so many, for one client that all processes share."""
    limits = ProvisionLimits(live_datasets_per_client=1_000_000)
    async with store_at(place) as store:
        await store.transact(lambda uow: uow.clients.put(client()))
        await store.transact(lambda uow: uow.journeys.put(journey()))

        async def admit(wanted: Dataset) -> None:
            def work(uow: UnitOfWork) -> None:
                uow.clients.get("acme")
                uow.journeys.get("acme", "j1")
                require_within_limits(limits, live=uow.datasets.count_live("acme"), wanted=None)
                uow.datasets.get_live(wanted.client_id, wanted.stage, wanted.dataset_type)
                uow.datasets.put(wanted)
                uow.events.append(sample_event(EventKind.PROVISIONING_STARTED, wanted, NOW))

            await store.transact(work)

        await _each(number, admit)


async def bare(place: str, number: int) -> None:
    """Write so many, by nothing but the database's own driver."""
    async with store_at(place):  # makes the tables
        pass
    if "://" in place:
        connection = parse_postgres_url(place).connect()
        connection.execute(f"set search_path = {NAMESPACE}".encode())

        def write(values: dict[str, object]) -> None:
            connection.execute(f"begin; select {WRITE_LOCK}".encode())
            connection.execute(translate_statement(_DATASET).encode(), values)
            connection.execute(translate_statement(_EVENT).encode(), values)
            connection.execute(b"commit")
    else:
        file = sqlite3.connect(place, timeout=30, isolation_level=None, check_same_thread=False)
        file.execute("pragma synchronous = full")

        def write(values: dict[str, object]) -> None:
            file.execute("begin immediate")
            file.execute(_DATASET, values)
            file.execute(_EVENT, values)
            file.execute("commit")

    async def admit(wanted: Dataset) -> None:
        event = encode_document(sample_event(EventKind.PROVISIONING_STARTED, wanted, NOW))
        created = to_micros(wanted.created_at)
        values = {
            "id": wanted.dataset_id,
            "created": created,
            "document": encode_document(wanted),
            "event": event,
        }
        await to_thread.run_sync(write, values)

    await _each(number, admit)


WAYS: Final = {"ours": ours, "bare": bare}


async def _each(number: int, admit: Admit) -> None:
    print("ready", flush=True)
    await to_thread.run_sync(sys.stdin.readline)
    for each in range(number):
        own = f"acme-{os.getpid()}-{each}"
        await admit(dataset(own, client_id=own))


if __name__ == "__main__":
    anyio.run(WAYS[sys.argv[1]], sys.argv[2], int(sys.argv[3]))
