"""Recovery of sagas in the background: what was admitted and runs nowhere is resumed every few seconds."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import structlog

from server.workers.loop import FailureLog, run_every, run_in_background

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.lifecycle import SagaRunner

RECOVERY_INTERVAL_S: Final = 2.0
_log: Final = structlog.get_logger(__name__)


@asynccontextmanager
async def resume_sagas_in_background(
    sagas: SagaRunner, every_s: float = RECOVERY_INTERVAL_S
) -> AsyncIterator[None]:
    """Resume sagas and compensations that nobody works on, until the context is left.

    The first round that succeeds does not wait for the time at which a compensation is due: whatever kept it from being
    carried out may be over since this process started.
    """
    respect_backoff = False

    async def resume() -> None:
        nonlocal respect_backoff
        await sagas.resume(respect_backoff=respect_backoff)
        respect_backoff = True

    async with run_in_background([run_every(every_s, resume, FailureLog(_log, "left_for_later"))]):
        yield
