"""Every death there is, from the scenes' points, which are made of the sagas' own step lists."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import TYPE_CHECKING, Final

from tests.support.resilience.faults.dialect_names import ADMIN, INDEXING
from tests.support.resilience.kills.processes import request_crashes
from tests.support.resilience.kills.processes.crash_points import MOMENTS, RECORDED, CrashPoint
from tests.support.resilience.kills.runner import NEW, POSTGRES, SQLITE, SURVIVING
from tests.support.resilience.kills.scenarios.indexing_scenarios import SCENARIOS

if TYPE_CHECKING:
    from tests.support.resilience.kills.runner import CaseInstallation

SEED: Final = 4
_RECORDED_SHARE: Final = 0.25
_AGAIN: Final = 2
"""So many points of a scene are taken although others have them, too."""


@dataclass(frozen=True, slots=True, order=True)
class StepKillCase:
    """A process dies at a moment of a point of a scene, over that database, and that kind of process takes over."""

    scene: str
    point: CrashPoint
    moment: str
    database: str
    resumed: str

    @property
    def crash_order(self) -> dict[str, str | int]:
        """What the process that is to die is told of it."""
        return {"kind": self.point.kind, "step": self.point.step, "moment": self.moment}

    def reached_crash_point(self, place: CaseInstallation, pid: int) -> bool:
        """Whether the process came so far."""
        return (pid, self.point) in place.read_step_log()

    def __str__(self) -> str:
        return f"{self.scene}, {self.moment} {self.point}, {self.database}, {self.resumed}"


@dataclass(frozen=True, slots=True, order=True)
class RequestKillCase:
    """A process dies at a moment of its so-manieth change in Glean, over that database; and who takes over."""

    scene: str
    request: int
    moment: str
    database: str
    resumed: str

    @property
    def crash_order(self) -> dict[str, str | int]:
        """What the process that is to die is told of it."""
        return {"request": self.request, "moment": self.moment}

    def reached_crash_point(self, place: CaseInstallation, pid: int) -> bool:
        """Whether the process came so far."""
        return (pid, self.request) in place.read_request_log()

    def __str__(self) -> str:
        return f"{self.scene}, {self.moment} request {self.request}, {self.database}, {self.resumed}"


def crash_moments(scene: str, point: CrashPoint) -> tuple[str, ...]:
    """When one can die at that point; once it is recorded only at the last, else that is before the next."""
    last = [each for each in SCENARIOS[scene].points if each.kind == point.kind][-1]
    return (*MOMENTS, RECORDED) if point == last else MOMENTS


ALL: Final = tuple(
    StepKillCase(scene.name, point, moment, database, resumed)
    for scene in SCENARIOS.values()
    for database in (SQLITE, POSTGRES)
    for resumed in (NEW, SURVIVING)
    for point in scene.points
    for moment in crash_moments(scene.name, point)
)


def _default_cases() -> tuple[StepKillCase, ...]:
    """Each point in one scene of each dialect at least; spread over moments, databases and successors.

    A scene stays on one database, because it has to be prepared there. Of the Indexing dialect's, on SQLite, only those
    scenes are here that have a point of their own.
    """
    random, found, had = Random(SEED), list[StepKillCase](), set[tuple[str, CrashPoint]]()
    databases = cycle((SQLITE, POSTGRES))
    whens = cycle(random.sample(MOMENTS, len(MOMENTS)))
    for scene in SCENARIOS.values():
        first = scene.dialect == ADMIN
        database, ways = next(databases) if first else SQLITE, cycle(random.sample((NEW, SURVIVING), 2))
        known = [each for each in scene.points if (scene.dialect, each) in had]
        again = random.sample(known, min(_AGAIN, len(known))) if first else []
        for point in scene.points:
            if point in known and point not in again:
                continue
            last = RECORDED in crash_moments(scene.name, point) and random.random() < _RECORDED_SHARE
            found.append(
                StepKillCase(scene.name, point, RECORDED if last else next(whens), database, next(ways))
            )
        had.update((scene.dialect, each) for each in scene.points)
    return tuple(found)


SLICE: Final = _default_cases()
ALWAYS: Final = tuple(f"{INDEXING}: {name}" for name in ("provision", "teardown"))
UPLOADING: Final = (
    *ALWAYS,
    *(
        f"{INDEXING}: {name}"
        for name in ("retry", "refresh by hand", "second attempt", "failed provision", "restore")
    ),
)
"""Scenes that change something in Glean, by requests of which no fault waits for a certain one."""


def request_cases(scene: str, count: int) -> tuple[RequestKillCase, ...]:
    """Each of so many requests once, spread over moments and successors."""
    whens, ways = cycle(request_crashes.MOMENTS), cycle((NEW, SURVIVING))
    return tuple(
        RequestKillCase(scene, each, next(whens), SQLITE, next(ways)) for each in range(1, count + 1)
    )


def all_request_cases(scene: str, count: int) -> tuple[RequestKillCase, ...]:
    """Each of so many requests in every way."""
    return tuple(
        RequestKillCase(scene, each, moment, database, resumed)
        for database in (SQLITE, POSTGRES)
        for resumed in (NEW, SURVIVING)
        for each in range(1, count + 1)
        for moment in request_crashes.MOMENTS
    )
