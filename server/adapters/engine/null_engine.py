"""Null engine: for processes that leave the sagas to other processes on the same data folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.ports import DeadLetter


class NullEngine:
    """A saga engine that runs nothing, for commands that only read, or that leave their work to a running server."""

    async def start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        """Do nothing: a running server finds the admitted dataset and starts its saga."""

    async def wait(self, saga_id: str, seconds: float) -> bool:
        await anyio.sleep(seconds)
        return False

    async def probe(self) -> None:
        """Do nothing: no saga is started here."""

    async def fetch_dead_letters(self) -> Sequence[DeadLetter]:
        """None: only a process that runs sagas knows them."""
        return ()

    async def discard_saga(self, saga_id: str) -> None:
        """Do nothing: only a process that runs sagas can discard one."""
