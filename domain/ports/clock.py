"""Ports of the clock and of random ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from domain.model import Uptime


class Clock(Protocol):
    """Clock: the current time, the machine's uptime, and waiting."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC. It may be wrong: somebody can set it."""
        ...

    def uptime(self) -> Uptime | None:
        """The machine's uptime, which nobody can set; None where the machine does not tell it."""
        ...

    def monotonic(self) -> float:
        """Seconds of a clock that only goes on, whatever is done to the other one; only differences mean anything.

        Every wait within a process is measured by it. A time that has to outlive the process is measured with a stored
        reading of the clock (`domain.policy.clocks.time_since`).
        """
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        ...


class Ids(Protocol):
    """Source of random ids."""

    def token(self) -> str:
        """A random token: six characters of `[0-9a-z]`."""
        ...
