"""What the domain needs from outside, in its own words.

Every adapter raises only errors of `domain.errors`; foreign ones are translated at one place in each adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class Clock(Protocol):
    """The time, and the passing of it."""

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        ...


class Ids(Protocol):
    """Names that were never used before."""

    def token(self) -> str:
        """Six characters of `[0-9a-z]`, random."""
        ...
