"""What is done, by whom and when, and who dies at which moment: all of it drawn from one seed.

What the processes make of it depends on which of them is quicker; what they are asked for, and where death is laid in
wait for them, is the same each time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

PROCESSES: Final = 3
_LABELS: Final = {
    "confluence_pages": "Confluence",
    "github_repos": "GitHub",
    "slack_messages": "Slack",
    "jira_issues": "Jira",
}
_CLIENTS: Final = ("acme", "globex", "initech")
_REASONS: Final = ("journey_completed", "journey_completed", "manual")
_MOMENTS: Final = 600
_LATER_S: Final = 0.3
_FATAL: Final = ("failing_sync", "losing_sync")
"""A failing sync ends its attempt, a losing one leaves it below the gate."""
_ON_THE_WAY: Final = ("unavailable", "lost_create", "lost_upload", "lost_sync", *_FATAL, *_FATAL)
"""What the sandbox is told to do wrong while a dataset is made; the first four change nothing in the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSaga:
    """One saga that somebody wants: `make`, `retry` or `teardown`.

    It is asked of process `at`, and of `twin` at the same moment when there is one; `restored`: from an archive, when
    there is one by then. `cancel_s` is how long after its beginning it is cancelled, `pause_s` how long its caller
    thinks before it.
    """

    verb: str
    at: int
    twin: int | None
    pause_s: float
    cancel_s: float | None = None
    fault: str | None = None
    restored: bool = False
    reason: str = "journey_completed"

    @property
    def may_fail(self) -> bool:
        """Whether there may be something to retry afterwards."""
        return self.cancel_s is not None or self.fault in _FATAL


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerScript:
    """The moves of one caller, who keeps one slot: a client's datasets of one type at one stage."""

    client_id: str
    dataset_type: str
    moves: tuple[PlannedSaga, ...]

    @property
    def journey_id(self) -> str:
        """A journey of its own, so that nobody else's completion exposes its dataset."""
        return f"j-{self.dataset_type.replace('_', '-')}"

    @property
    def name(self) -> str:
        """What its datasource is called in Glean."""
        return f"{self.client_id.upper()}-Sandbox-{_LABELS[self.dataset_type]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLife:
    """One life of a process: it dies at its `moment`th moment, or so many seconds later, and is back after `down_s`.

    Moments rather than seconds tell its length, so that a slow machine has it do as much as a quick one.
    """

    moment: int
    later_s: float
    down_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosPlan:
    """Everything that follows from a seed."""

    seed: int
    scripts: tuple[CallerScript, ...]
    lives: tuple[tuple[ProcessLife, ...], ...]

    @property
    def moves(self) -> Sequence[PlannedSaga]:
        """Every saga that is wanted."""
        return [move for script in self.scripts for move in script.moves]


def draw_plan(seed: int, *, sagas: int, slots: int = 12, kills: int = 100) -> ChaosPlan:
    """The plan of that seed, with so many sagas, spread over so many slots, and at most so many kills a process."""
    chance = Random(seed)
    places = [(client, kind) for client in _CLIENTS for kind in _LABELS][:slots]
    scripts = []
    for number, (client, kind) in enumerate(places):
        count = sagas // len(places) + (number < sagas % len(places))
        scripts.append(CallerScript(client_id=client, dataset_type=kind, moves=_draw_sagas(chance, count)))
    lives = tuple(tuple(_draw_life(chance) for _ in range(kills)) for _ in range(PROCESSES))
    return ChaosPlan(seed=seed, scripts=tuple(scripts), lives=lives)


def _draw_sagas(chance: Random, count: int) -> tuple[PlannedSaga, ...]:
    moves: list[PlannedSaga] = []
    while len(moves) < count:
        moves.append(_draw_saga(chance, "make", restored=chance.random() < 0.4, fault=_draw_fault(chance)))
        while moves[-1].may_fail and chance.random() < 0.8:
            moves.append(_draw_saga(chance, "retry", fault=_draw_fault(chance)))
        lost = "lost_delete" if chance.random() < 0.2 else None
        moves.append(_draw_saga(chance, "teardown", reason=chance.choice(_REASONS), fault=lost))
    return tuple(moves[:count])


def _draw_saga(chance: Random, verb: str, **more: Any) -> PlannedSaga:
    at = chance.randrange(PROCESSES)
    return PlannedSaga(
        verb=verb,
        at=at,
        twin=(at + 1) % PROCESSES if chance.random() < 0.2 else None,
        pause_s=chance.uniform(0, 0.6),
        cancel_s=chance.uniform(0, 0.7) if chance.random() < 0.3 else None,
        **more,
    )


def _draw_fault(chance: Random) -> str | None:
    return chance.choice(_ON_THE_WAY) if chance.random() < 0.4 else None


def _draw_life(chance: Random) -> ProcessLife:
    return ProcessLife(
        moment=round(math.exp(chance.uniform(1, math.log(_MOMENTS)))),
        later_s=chance.uniform(0, _LATER_S) if chance.random() < 0.4 else 0.0,
        down_s=chance.choice((0.0, 0.2, 1.0, 2.5)),
    )
