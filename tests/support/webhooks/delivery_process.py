"""A process that delivers to one webhook until it is killed: `host.py STORE URL`. As an owner it is its number."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from pydantic import SecretStr

from domain.events.outbox import Outbox
from domain.model.delivery import RetryPolicy, Subscription
from server.adapters.clock import SystemClock
from server.adapters.store.postgres.store import PostgresStore
from server.adapters.store.sqlite.store import SqliteStore
from server.adapters.webhooks import HttpCourier
from server.infra.postgres.dsn import parse_postgres_url
from server.workers.webhook_delivery import DeliveryPace, deliver_webhook_events
from tests.support.webhooks.receiver import SECRET

if TYPE_CHECKING:
    from server.adapters.store.threaded_store import ThreadedStore


def open_store_at(where: str) -> ThreadedStore:
    """The store on the database of that URL, or in the file at that path."""
    if where.startswith("postgresql:"):
        return PostgresStore(parse_postgres_url(where), progress_every_s=0)
    return SqliteStore(Path(where), progress_every_s=0)


async def main(where: str, url: str) -> None:
    clock = SystemClock()
    async with (
        open_store_at(where) as store,
        HttpCourier(url, [SecretStr(SECRET)], clock=clock, timeout_s=10) as courier,
    ):
        outbox = Outbox(store, clock, Subscription(webhook="w"), RetryPolicy(first_s=0.01, longest_s=0.02))
        await deliver_webhook_events(
            outbox, courier, owner=str(os.getpid()), pace=DeliveryPace(poll_s=0.02, lease_s=0.5)
        )


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2])
