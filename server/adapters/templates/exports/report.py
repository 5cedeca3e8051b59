"""Import report: what an import took, what it dropped and why, and what it did not read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from domain.model import printable, quote_foreign

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MOST_NAMES: Final = 1000
_LONGEST_NAME: Final = 80
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
    _examples: dict[str, str] = field(default_factory=dict)

    def count_unread(self, name: str, count: int = 1) -> None:
        """Count values of a column or field that is not read."""
        _add_bounded(self.unread, printable(name, _LONGEST_NAME), count)

    def count_dropped(self, reason: str, example: str | None = None) -> None:
        """Count a record, or a part of one, that is dropped; the first `example` of a reason is shown with it."""
        if example is not None:
            reason = self._examples.setdefault(reason, f"{reason}, such as {quote_foreign(example)}")
        _add_bounded(self.dropped, reason, 1)


def _add_bounded(counter: Counter[str], name: str, count: int) -> None:
    counter[name if name in counter or len(counter) < _MOST_NAMES else _OTHERS] += count


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
