"""Ports of the clock and of random ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class Clock(Protocol):
    """Clock: the current time, and waiting."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        ...


class Ids(Protocol):
    """Source of random ids."""

    def token(self) -> str:
        """A random token: six characters of `[0-9a-z]`."""
        ...
