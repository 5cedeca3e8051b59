"""Every death there is, from the scenes' points, which are made of the sagas' own step lists."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import Final

from tests.faults.killing.death import MOMENTS, RECORDED, Point
from tests.faults.killing.scenes import SCENES
from tests.faults.killing.stage import NEW, POSTGRES, SQLITE, SURVIVING

SEED: Final = 4
_RECORDED_SHARE: Final = 0.25
_AGAIN: Final = 2
"""So many points of a scene are taken although others have them, too."""


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """A process dies at a moment of a point of a scene, over that database, and that kind of process takes over."""

    scene: str
    point: Point
    moment: str
    database: str
    resumed: str

    def __str__(self) -> str:
        return f"{self.scene}, {self.moment} {self.point}, {self.database}, {self.resumed}"


def moments(scene: str, point: Point) -> tuple[str, ...]:
    """When one can die at that point; once it is recorded only at the last, else that is before the next."""
    last = [each for each in SCENES[scene].points if each.kind == point.kind][-1]
    return (*MOMENTS, RECORDED) if point == last else MOMENTS


ALL: Final = tuple(
    Case(scene.name, point, moment, database, resumed)
    for scene in SCENES.values()
    for database in (SQLITE, POSTGRES)
    for resumed in (NEW, SURVIVING)
    for point in scene.points
    for moment in moments(scene.name, point)
)


def _slice() -> tuple[Case, ...]:
    """Each point in one scene at least, and each scene at some; spread over moments, databases and successors.

    A scene stays on one database, because it has to be prepared there.
    """
    random, found, had = Random(SEED), list[Case](), set[Point]()
    databases = cycle((SQLITE, POSTGRES))
    whens = cycle(random.sample(MOMENTS, len(MOMENTS)))
    for scene in SCENES.values():
        database, ways = next(databases), cycle(random.sample((NEW, SURVIVING), 2))
        known = [each for each in scene.points if each in had]
        again = random.sample(known, min(_AGAIN, len(known)))
        for point in scene.points:
            if point in had and point not in again:
                continue
            last = RECORDED in moments(scene.name, point) and random.random() < _RECORDED_SHARE
            found.append(Case(scene.name, point, RECORDED if last else next(whens), database, next(ways)))
        had.update(scene.points)
    return tuple(found)


SLICE: Final = _slice()
