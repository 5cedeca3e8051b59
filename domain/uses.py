"""What principals have used lately, as the store keeps it for `domain.rates`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class UseRecords(Protocol):
    """Uses of a kind by a principal, inside one transaction."""

    def add_use(self, kind: str, principal: str, at: datetime) -> int:
        """Keep one use, and give its number."""
        ...

    def nth_use(self, kind: str, principal: str, after: datetime, n: int) -> datetime | None:
        """When that principal used it the `n`-th last time; None for fewer than that many after that instant."""
        ...

    def drop_use(self, number: int) -> None:
        """Forget one use; one that is gone already is fine."""
        ...

    def drop_uses(self, kind: str, *, until: datetime, after: datetime) -> None:
        """Forget every principal's uses up to the one instant, and after the other."""
        ...
