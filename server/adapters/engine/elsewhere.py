"""No engine here: the sagas are run by other processes on the same data folder."""

from __future__ import annotations

import anyio


class Elsewhere:
    """Starts nothing and adopts nothing; for commands that only look, or that hand their work to a running server."""

    async def start(self, kind: str, saga_id: str, dataset_id: str) -> None:
        """Leave it to whoever looks for what was admitted."""

    async def wait(self, saga_id: str, seconds: float) -> bool:  # noqa: ARG002 - the port's signature
        await anyio.sleep(seconds)
        return False
