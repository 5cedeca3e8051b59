"""Audit of calls at every edge: each call is counted, run, and recorded in the audit log."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from anyio import CancelScope

from domain.audit import ANSWERED
from domain.errors import StoreFailedError
from domain.ports import one_store_patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from domain.audit import CallAudit
    from domain.model import Principal

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class AuditedCall:
    """A running call, with what its entry will say if it succeeds.

    Attributes:
        principal: who called, with the call as it is known by now.
        outcome: the outcome in a word.
        shown: the text of the question that the call ends with; None when it ends with an answer.
    """

    principal: Principal
    outcome: str = ANSWERED
    shown: str | None = None


@asynccontextmanager
async def audit_call(
    calls: CallAudit, principal: Principal, *, expected_errors: tuple[type[Exception], ...] = ()
) -> AsyncIterator[AuditedCall]:
    """Count a call, let it run, and record how it ended.

    A store that is away is waited for as long as for one question, however often the call asks it. Errors pass
    through, and a LifecycleError then carries the audit id; `expected_errors` are recorded as a success.
    The entry is written even if the caller has disconnected.

    Raises RateLimitedError before anything runs, and StoreFailedError when a successful call cannot be recorded: a
    change without an entry must not look like a success.
    """
    with one_store_patience():
        async with _record_call(calls, AuditedCall(principal), expected_errors) as call:
            yield call


@asynccontextmanager
async def _record_call(
    calls: CallAudit, call: AuditedCall, expected_errors: tuple[type[Exception], ...]
) -> AsyncIterator[AuditedCall]:
    try:
        await calls.count(call.principal)
        yield call
    except expected_errors:
        await _write_shielded(calls.record_success(call.principal))
        raise
    except Exception as error:
        await _try_write(calls.record_failure(call.principal, root_cause(error)), call.principal)
        raise
    except BaseException:
        await _try_write(calls.record_disconnect(call.principal), call.principal)
        raise
    if call.shown is None:
        await _write_shielded(calls.record_success(call.principal, call.outcome))
    else:
        await _write_shielded(calls.record_question(call.principal, call.shown))


def root_cause(error: Exception) -> Exception:
    """The error inside the groups of task groups; of several, the first."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _write_shielded(write: Awaitable[None]) -> None:
    with CancelScope(shield=True):
        await write


async def _try_write(write: Awaitable[None], principal: Principal) -> None:
    """Write the entry of a call that failed. If that fails too, the caller still gets the first error."""
    try:
        await _write_shielded(write)
    except StoreFailedError as error:
        _log.warning("The entry of a call by %s could not be written: %s", principal.subject, error)
