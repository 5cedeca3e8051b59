"""Sealing of the audit log in the background: this process's entries, and those of processes that were killed."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import structlog

from server.workers.loop import FailureLog, run_every, run_in_background, run_once

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.audit import AuditSealer

_log: Final = structlog.get_logger(__name__)
SEAL_INTERVAL_S: Final = 0.5
"""Seconds between two rounds, so that an entry is sealed within a second; a round without entries is one small read."""


@asynccontextmanager
async def seal_audit_in_background(
    sealer: AuditSealer, every_s: float = SEAL_INTERVAL_S
) -> AsyncIterator[None]:
    """Seal now, every `every_s` seconds, and once more in the end. A failure is logged once, and tried again."""
    failures = FailureLog(_log, "not_sealed")
    try:
        async with run_in_background([run_every(every_s, sealer.seal, failures)]):
            yield
    finally:
        await run_once(sealer.seal, failures)
