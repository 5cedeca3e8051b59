"""A process that admits datasets: `admitting.py PLACE NUMBER`; PLACE is a file or a URL. It says when it can begin.

An admission reads the client, its journey, how many it has and who holds the place, and writes a dataset and an event.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from domain.events import EventKind, about
from domain.safety import Limits, within_limits
from tests.entities import NOW, client, dataset, journey

if TYPE_CHECKING:
    from domain.model import Dataset
    from domain.records import Records
    from server.adapters.store.threaded import ThreadedStore


def store_at(place: str) -> ThreadedStore:
    """The store of a file or URL."""
    if "://" in place:
        from server.adapters.store.postgres import PostgresStore  # noqa: PLC0415 - as a process of the product does
        from server.postgres.address import parsed  # noqa: PLC0415 - the same

        return PostgresStore(parsed(place))
    from server.adapters.store.sqlite import SqliteStore  # noqa: PLC0415 - the same

    return SqliteStore(Path(place))


async def main(place: str, number: int) -> None:
    """Admit so many, for one client that all processes share."""
    limits = Limits(live_datasets_per_client=1_000_000)
    async with store_at(place) as store:
        await store.transact(lambda records: records.put_client(client()))
        await store.transact(lambda records: records.put_journey(journey()))
        print("ready", flush=True)
        await to_thread.run_sync(sys.stdin.readline)
        for each in range(number):
            wanted = dataset(f"acme-{os.getpid()}-{each}", client_id=f"acme-{os.getpid()}-{each}")

            def admit(records: Records, wanted: Dataset = wanted) -> None:
                records.client("acme")
                records.journey("acme", "j1")
                within_limits(limits, live=records.count_live("acme"), wanted=None)
                records.live_dataset(wanted.client_id, wanted.stage, wanted.dataset_type)
                records.put_dataset(wanted)
                records.append(about(EventKind.PROVISIONING_STARTED, wanted, NOW))

            await store.transact(admit)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], int(sys.argv[2]))
