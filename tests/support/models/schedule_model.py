"""What must have come of schedules, kept by simple rules beside the product, whatever clocks and processes did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from domain.model.schedule import HEALTH_SCHEDULE, ORPHAN_SWEEP_SCHEDULE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from domain.model.schedule import Schedule

GRACE = timedelta(days=7)
MOST = timedelta(hours=26)
RECENT = 4
DISAGREES = timedelta(hours=1)


@dataclass
class ExpectedDataset:
    """A dataset: since when it is in nobody's use, and the grace that scans have counted."""

    used: datetime
    unused: Callable[[datetime], bool]
    marked: datetime | None = None
    served: timedelta = timedelta()
    gone: bool = False

    def is_due(self, now: datetime) -> bool:
        """Whether a sweep has to take it."""
        counted = self.marked is not None and self.marked >= self.used and self.served >= GRACE
        return self.unused(now) and counted

    def record_scan(self, now: datetime, passed: timedelta) -> None:
        """A scan looked at it."""
        if self.gone:
            return
        if not self.unused(now):
            self.marked, self.served = None, timedelta()
        elif self.marked is None or self.marked < self.used:
            self.marked, self.served = now, timedelta()
        else:
            self.served += min(max(passed, timedelta()), MOST)


@dataclass
class ScheduleModel:
    """Every turn that was begun, and what the scans among them have counted."""

    plans: dict[str, Schedule]
    watched: dict[str, ExpectedDataset] = field(default_factory=dict)
    ran: list[tuple[str, str]] = field(default_factory=list)
    deaths: int = 0
    last_scan: datetime | None = None
    last_lived: timedelta = timedelta()
    latest: datetime | None = None
    clock_was_off: bool = False
    doubtful: bool = False
    must: set[str] = field(default_factory=set)
    seen: int = 0

    def due_tick(self, name: str, now: datetime) -> str | None:
        """The instant of the turn that a look at this moment has to begin; None for none."""
        since = self.plans[name].due_since(now)
        instant = f"{since:%Y-%m-%dT%H:%M}" if name == HEALTH_SCHEDULE else f"{since:%Y-%m-%d}"
        had = list(dict.fromkeys(tick for ran, tick in self.ran if ran == name))
        recent = had[-RECENT:] if name == HEALTH_SCHEDULE else had
        return None if instant in {each.partition("~")[0] for each in recent} else instant

    def record_scan(self, at: datetime | None, now: datetime, lived: timedelta) -> None:
        """When the last complete scan was, by the product's own word; it must have been just now to be a new one.

        It counts past the latest instant that any scan has seen, and no more than the machine has lived since.
        """
        if at == self.last_scan or at is None:
            return
        assert at == now
        passed = min(at - self.latest, lived - self.last_lived) if self.latest else timedelta()
        for each in self.watched.values():
            each.record_scan(at, passed)
        self.clock_was_off = self._is_off(now, lived) or (
            self.clock_was_off and lived - self.last_lived < DISAGREES
        )
        self.last_scan, self.last_lived = at, lived
        self.latest = max(at, self.latest or at)

    def is_doubtful(self, now: datetime, lived: timedelta) -> bool:
        """Whether the clock was off at the last scan, or is off since."""
        return self.clock_was_off or self._is_off(now, lived)

    def _is_off(self, now: datetime, lived: timedelta) -> bool:
        if self.last_scan is None:
            return False
        return abs((now - self.last_scan) - (lived - self.last_lived)) > DISAGREES

    def begin_look(self, now: datetime, lived: timedelta) -> None:
        """The next look is about to happen."""
        self.doubtful = self.is_doubtful(now, lived)
        self.must = {name for name, each in self.watched.items() if each.is_due(now)}
        self.seen = len(self.ran)

    def check_teardowns(self, now: datetime, lived: timedelta, archived: Iterable[str]) -> None:
        """What was taken down was due, and what was due when a sweep began was taken down.

        Nothing is, while the clock is in doubt; a scan of the same look may have cleared that before the sweep.
        """
        gone, before = set(archived), {name for name, each in self.watched.items() if each.gone}
        due = {
            name for name, each in self.watched.items() if each.is_due(now)
        }  # a scan may have gone before the sweep
        swept = any(name == ORPHAN_SWEEP_SCHEDULE for name, _ in self.ran[self.seen :])
        doubts = self.doubtful, self.is_doubtful(now, lived)
        may = before | self.must | due if swept and not all(doubts) else before
        must = before | self.must if swept and not any(doubts) else before
        assert must <= gone <= may, (must, gone, may)
        for name in gone:
            self.watched[name].gone = True

    def check_each_tick_once(self) -> None:
        """Each turn was begun once, and again only when a process died in it; daily ones never by another name."""
        for turn, times in Counter(self.ran).items():
            assert times <= 1 + self.deaths, turn
        for name in self.plans:
            if name != HEALTH_SCHEDULE:
                ticks = {tick for ran, tick in self.ran if ran == name}
                assert len({each.partition("~")[0] for each in ticks}) == len(ticks)
