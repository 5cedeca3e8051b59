"""A process that uses stores: it says `ready`, and does the job of each line `JOB ADAPTER FOLDER` on that store."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import DatasetConflictError, RateLimitedError
from domain.model.principal import Principal
from domain.policy.rate_limits import RateLimiter, RateLimits
from domain.ports import Setting
from tests.support.entities import ManualClock, client, dataset
from tests.support.stores.store_adapters import LOCATIONS

if TYPE_CHECKING:
    from domain.ports import Store, UnitOfWork

CALLERS = 10
ROUNDS = 40
ALLOWED = 30
COUNT = Setting("count", int)


def write_line(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


async def installation(store: Store) -> None:
    write_line(await store.read(lambda uow: uow.installation))


async def run_admissions(store: Store) -> None:
    """Ten callers want one key, each under an id of its own, without looking first."""

    async def one(number: int) -> bool:
        def admit(uow: UnitOfWork) -> None:
            uow.datasets.put(dataset(f"acme-sandbox-confluence-{os.getpid()}-{number}"))

        try:
            await store.transact(admit)
        except DatasetConflictError:
            return False
        return True

    write_line(sum(await asyncio.gather(*(one(number) for number in range(CALLERS)))))


async def run_increments(store: Store) -> None:
    """Read a number and write the next one, again and again."""

    def add(uow: UnitOfWork) -> None:
        uow.settings.put(COUNT, (uow.settings.get(COUNT) or 0) + 1)

    for _ in range(ROUNDS):
        await store.transact(add)
    write_line("done")


async def run_rate_limited_calls(store: Store) -> None:
    """As many callers as may call in a minute, all of one principal."""
    rates = RateLimiter(store, ManualClock(), RateLimits(calls_per_minute=ALLOWED))

    async def one() -> bool:
        try:
            await rates.count_call(Principal(subject="agent:kim"))
        except RateLimitedError:
            return False
        return True

    write_line(sum(await asyncio.gather(*(one() for _ in range(ALLOWED)))))


async def hold_transaction(store: Store) -> None:
    """Write, and stay in the transaction for good."""

    def hang(uow: UnitOfWork) -> None:
        uow.clients.put(client())
        write_line("inside")
        sys.stdin.read()

    await store.transact(hang)


JOBS = {
    "installation": installation,
    "admit": run_admissions,
    "count": run_increments,
    "use": run_rate_limited_calls,
    "hang": hold_transaction,
}


async def main() -> None:
    write_line("ready")
    while line := sys.stdin.readline():
        job, adapter, folder = line.rstrip("\n").split(" ", 2)
        async with LOCATIONS[adapter](Path(folder)).open_store() as store:
            await JOBS[job](store)


if __name__ == "__main__":
    asyncio.run(main())
