"""Readings of the clock, which can be set, and of the uptime clock of a machine, which cannot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
_MINUTE_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """Uptime: the boot of a machine, and the seconds since it, with those in which the machine was suspended."""

    boot: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """Reading of the clock, and of the machine's uptime where the machine tells it."""

    at: datetime
    uptime: Uptime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockDisagreement:
    """Disagreement: how many seconds passed between two runs by the clock, and how many by the machine's uptime."""

    clock_s: float
    uptime_s: float

    @property
    def off_s(self) -> int:
        """By how many seconds the clock moved further than the uptime."""
        return round(self.clock_s - self.uptime_s)

    @property
    def message(self) -> str:
        """The disagreement in a sentence."""
        return (
            f"Since the run before, the clock of the machine has moved by {_span_in_words(self.clock_s)}, "
            f"and its uptime by {_span_in_words(self.uptime_s)}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRecord:
    """Clock record: what the runs of one kind have seen of the clock, as stored.

    `latest` is the latest instant that any of them has seen, `last` the reading of the last one, and `disagreement`
    what that one found.
    """

    latest: datetime
    last: ClockReading
    disagreement: ClockDisagreement | None = None


def _span_in_words(seconds: float) -> str:
    size, sign = abs(seconds), "-" if seconds < 0 else ""
    for unit, name in ((_DAY_S, "days"), (_HOUR_S, "hours"), (_MINUTE_S, "minutes")):
        if size >= 2 * unit:
            return f"{sign}{round(size / unit, 1):g} {name}"
    return f"{sign}{size:.0f} seconds"
