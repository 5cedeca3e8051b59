"""Import report: what an import took, what it dropped and why, and what it did not read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MOST_NAMES: Final = 1000
_OTHERS: Final = "(further names)"


@dataclass(slots=True)
class ImportTally:
    """What one import counts while it runs. Memory is bounded, whatever names an export has.

    `dropped` counts records and parts of records by the reason; `unread` the values of columns or fields that no
    template has, by their names; `notes` what was changed or derived, by a phrase.
    """

    taken: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    def count_unread(self, name: str, count: int = 1) -> None:
        """Count values of a column or field that is not read."""
        self.unread[name if name in self.unread or len(self.unread) < _MOST_NAMES else _OTHERS] += count

    def count_dropped(self, reason: str) -> None:
        """Count a record, or a part of one, that is dropped."""
        self.dropped[reason if reason in self.dropped or len(self.dropped) < _MOST_NAMES else _OTHERS] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did: the template that it wrote, its files, and the counts of `ImportTally`."""

    kind: str
    template_id: str
    files: tuple[Path, ...]
    taken: int
    dropped: Mapping[str, int]
    unread: Mapping[str, int]
    notes: Mapping[str, int]
    unused: tuple[str, ...] = ()
    """Files of the same template that were there before and that are no longer used."""
