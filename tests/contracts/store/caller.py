"""A process that uses a store: `caller.py ADAPTER FOLDER JOB`. It says `ready`, waits for a line, and does its job."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from domain.callers import Caller
from domain.errors import DatasetConflictError, RateLimitedError
from domain.rates import RateLimits, Rates
from tests.contracts.store.adapters import PLACES
from tests.entities import SetClock, client, dataset

if TYPE_CHECKING:
    from domain.records import Records, Store

CALLERS = 10
ROUNDS = 40
ALLOWED = 30


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def told() -> None:
    say("ready")
    sys.stdin.readline()


async def installation(store: Store) -> None:
    say(await store.read(lambda records: records.installation))


async def admit(store: Store) -> None:
    """Ten callers want one key, each under an id of its own, without looking first."""

    async def one(number: int) -> bool:
        def admit(records: Records) -> None:
            records.put_dataset(dataset(f"acme-sandbox-confluence-{os.getpid()}-{number}"))

        try:
            await store.transact(admit)
        except DatasetConflictError:
            return False
        return True

    say(sum(await asyncio.gather(*(one(number) for number in range(CALLERS)))))


async def count(store: Store) -> None:
    """Read a number and write the next one, again and again."""

    def add(records: Records) -> None:
        records.put_fact("count", int(str(records.fact("count") or 0)) + 1)

    for _ in range(ROUNDS):
        await store.transact(add)
    say("done")


async def use(store: Store) -> None:
    """As many callers as may call in a minute, all of one principal."""
    rates = Rates(store, SetClock(), RateLimits(calls_per_minute=ALLOWED))

    async def one() -> bool:
        try:
            await rates.call(Caller(subject="agent:kim"))
        except RateLimitedError:
            return False
        return True

    say(sum(await asyncio.gather(*(one() for _ in range(ALLOWED)))))


async def hang(store: Store) -> None:
    """Write, and stay in the transaction for good."""

    def hang(records: Records) -> None:
        records.put_client(client())
        say("inside")
        sys.stdin.read()

    await store.transact(hang)


async def main() -> None:
    adapter, folder, job = sys.argv[1:]
    told()
    async with PLACES[adapter](Path(folder)).store() as store:
        jobs = {"installation": installation, "admit": admit, "count": count, "use": use, "hang": hang}
        await jobs[job](store)


if __name__ == "__main__":
    asyncio.run(main())
