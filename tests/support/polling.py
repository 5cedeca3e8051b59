"""Waiting for a fact that nobody signals: the one place where a test sleeps, and never for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_PAUSE_S = 0.01


async def wait_for(fact: Callable[[], bool], seconds: float = 20) -> None:
    """Return as soon as `fact()` is true; raises TimeoutError when it is not in that time."""
    with anyio.fail_after(seconds):
        while not fact():  # noqa: ASYNC110 - a file or another process signals no event
            await anyio.sleep(_PAUSE_S)


async def wait_for_async(
    fact: Callable[[], Awaitable[bool]], seconds: float = 20, *, pause: float = _PAUSE_S
) -> None:
    """The same of a fact that has to be asked for, such as what a store holds, every `pause` seconds."""
    with anyio.fail_after(seconds):
        while not await fact():  # noqa: ASYNC110 - the same
            await anyio.sleep(pause)
