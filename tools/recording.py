"""A call, from its count to its entry in the audit log, at whichever edge it came in."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from anyio import CancelScope

from domain.auditing import ANSWERED
from domain.errors import StoreFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from domain.auditing import Calls
    from domain.callers import Caller

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Ending:
    """How a call that ends well ends: with its outcome in a word, or with a question and what it shows.

    `caller` is who called, with their call as it turned out to be.
    """

    caller: Caller
    outcome: str = ANSWERED
    shown: str | None = None


@asynccontextmanager
async def on_record(
    calls: Calls, caller: Caller, *, beside: tuple[type[Exception], ...] = ()
) -> AsyncIterator[Ending]:
    """Count a call that was begun, let it run, and put on record how it ended.

    Errors pass through; a LifecycleError then carries the audit id. Those `beside` are no failure of the call. Raises
    RateLimitedError before anything is run, and StoreFailedError when a call that ended well cannot be put on record.
    An entry is written to its end even when the caller has gone away.
    """
    ending = Ending(caller)
    try:
        await calls.count(ending.caller)
        yield ending
    except beside:
        await _kept(calls.ended(ending.caller))
        raise
    except Exception as error:
        await _tried(calls.failed(ending.caller, cause(error)), ending.caller)
        raise
    except BaseException:
        await _tried(calls.left(ending.caller), ending.caller)
        raise
    if ending.shown is None:
        await _kept(calls.ended(ending.caller, ending.outcome))
    else:
        await _kept(calls.asked(ending.caller, ending.shown))


def cause(error: Exception) -> Exception:
    """What ended a task group, which wraps it; the first of several."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _kept(writing: Awaitable[None]) -> None:
    with CancelScope(shield=True):
        await writing


async def _tried(writing: Awaitable[None], caller: Caller) -> None:
    """What cannot be written changes nothing about a refusal; it is said in the log."""
    try:
        await _kept(writing)
    except StoreFailedError as error:
        _log.warning("The entry of a call by %s could not be written: %s", caller.subject, error)
