"""Null engine: for processes that leave the sagas to other processes on the same data folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from domain.ports import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from domain.ports import DeadLetter
    from server.infra.postgres.dsn import PostgresAddress


class NullEngine:
    """A saga engine that runs nothing, for commands that only read, or that leave their work to a running server."""

    def __init__(self, where: Path | PostgresAddress) -> None:
        """Read the engine's state in that data folder, or database."""
        self._where = where

    async def start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        """Do nothing: a running server finds the admitted dataset and starts its saga."""

    async def wait(self, saga_id: str, seconds: float) -> bool:
        await anyio.sleep(seconds)
        return False

    async def find_worker(self, saga_id: str) -> Worker:
        # Imported here: a command that only reads runs on this engine, and needs nothing of the other.
        from server.adapters.engine.engine import DurableEngine  # noqa: PLC0415

        worked_on = await anyio.to_thread.run_sync(DurableEngine.list_worked_on, self._where, [saga_id])
        return Worker.OTHER_PROCESS if worked_on else Worker.NOBODY

    async def probe(self) -> None:
        """Do nothing: no saga is started here."""

    async def fetch_dead_letters(self) -> Sequence[DeadLetter]:
        """None: only a process that runs sagas knows them."""
        return ()

    async def discard_saga(self, saga_id: str) -> None:
        """Do nothing: only a process that runs sagas can discard one."""
