"""No engine here: the sagas are run by other processes on the same data folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.ports import DeadLetter


class NullEngine:
    """Starts nothing and adopts nothing; for commands that only look, or that hand their work to a running server."""

    async def start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        """Leave it to whoever looks for what was admitted."""

    async def wait(self, saga_id: str, seconds: float) -> bool:
        await anyio.sleep(seconds)
        return False

    async def fetch_dead_letters(self) -> Sequence[DeadLetter]:
        """None that this process could tell of."""
        return ()

    async def discard_saga(self, saga_id: str) -> None:
        """Leave it to whoever runs sagas."""
