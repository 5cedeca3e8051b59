"""A process with the services open seals what is on record, its own entries and those of processes that were killed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Final

import structlog

from domain.errors import LifecycleError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.audit import AuditSealer

_log: Final = structlog.get_logger(__name__)
SEAL_INTERVAL_S: Final = 0.5
"""An entry is sealed within a second; looking costs one small read."""


@asynccontextmanager
async def seal_audit_in_background(
    sealer: AuditSealer, every_s: float = SEAL_INTERVAL_S
) -> AsyncIterator[None]:
    """Seal now, every so often, and once more in the end; what fails is said once and tried again."""
    told = ""

    async def seal() -> None:
        nonlocal told
        try:
            await sealer.seal()
            told = ""
        except Exception as error:  # noqa: BLE001
            # Nobody else seals here; the next try may succeed.
            if str(error) != told:
                told = str(error)
                _log.warning("not_sealed", cause=told, exc_info=not isinstance(error, LifecycleError))

    async def seal_repeatedly() -> None:
        while True:
            await seal()
            await asyncio.sleep(every_s)

    task = asyncio.create_task(seal_repeatedly(), context=Context())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await seal()
