"""A process that runs sagas keeps looking for what nobody runs, whatever one look meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import anyio
from structlog.testing import capture_logs

from domain.errors import StoreFailedError
from server.workers.saga_recovery import resume_sagas_in_background

if TYPE_CHECKING:
    from domain.lifecycle.sagas.runner import SagaRunner


class ScriptedSagas:
    """Sagas whose looks meet these, one after another."""

    def __init__(self, *met: Exception | None) -> None:
        self._met = list(met)
        self.patiently: list[bool] = []
        self.over = anyio.Event()

    async def resume(self, *, respect_backoff: bool) -> int:
        self.patiently.append(respect_backoff)
        met = self._met.pop(0)
        if not self._met:
            self.over.set()
            await anyio.sleep_forever()
        if met:
            raise met
        return 0


async def test_a_look_that_fails_is_told_once_and_the_next_is_made() -> None:
    full, broken = StoreFailedError("The disk is full."), RuntimeError("A bug.")
    sagas = ScriptedSagas(full, full, broken, None, full, None)
    with capture_logs() as said, anyio.fail_after(5):
        async with resume_sagas_in_background(cast("SagaRunner", sagas), every_s=0):
            await sagas.over.wait()
    assert [(each["cause"], each["exc_info"]) for each in said] == [
        ("The disk is full.", False),
        ("A bug.", True),
        ("The disk is full.", False),
    ]
    assert sagas.patiently == [False, False, False, False, True, True]
