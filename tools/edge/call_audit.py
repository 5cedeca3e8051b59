"""A call, from its count to its entry in the audit log, at whichever edge it came in."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from anyio import CancelScope

from domain.audit import ANSWERED
from domain.errors import StoreFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from domain.audit import CallAudit
    from domain.model import Principal

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class AuditedCall:
    """How a call that ends well ends: with its outcome in a word, or with a question and what it shows.

    `caller` is who called, with their call as it turned out to be.
    """

    principal: Principal
    outcome: str = ANSWERED
    shown: str | None = None


@asynccontextmanager
async def audit_call(
    calls: CallAudit, principal: Principal, *, expected_errors: tuple[type[Exception], ...] = ()
) -> AsyncIterator[AuditedCall]:
    """Count a call that was begun, let it run, and put on record how it ended.

    Errors pass through; a LifecycleError then carries the audit id. Those `beside` are no failure of the call. Raises
    RateLimitedError before anything is run, and StoreFailedError when a call that ended well cannot be put on record.
    An entry is written to its end even when the caller has gone away.
    """
    ending = AuditedCall(principal)
    try:
        await calls.count(ending.principal)
        yield ending
    except expected_errors:
        await _write_shielded(calls.record_success(ending.principal))
        raise
    except Exception as error:
        await _try_write(calls.record_failure(ending.principal, root_cause(error)), ending.principal)
        raise
    except BaseException:
        await _try_write(calls.record_disconnect(ending.principal), ending.principal)
        raise
    if ending.shown is None:
        await _write_shielded(calls.record_success(ending.principal, ending.outcome))
    else:
        await _write_shielded(calls.record_question(ending.principal, ending.shown))


def root_cause(error: Exception) -> Exception:
    """What ended a task group, which wraps it; the first of several."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _write_shielded(writing: Awaitable[None]) -> None:
    with CancelScope(shield=True):
        await writing


async def _try_write(writing: Awaitable[None], principal: Principal) -> None:
    """What cannot be written changes nothing about a refusal; it is said in the log."""
    try:
        await _write_shielded(writing)
    except StoreFailedError as error:
        _log.warning("The entry of a call by %s could not be written: %s", principal.subject, error)
