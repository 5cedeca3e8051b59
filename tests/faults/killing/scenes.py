"""The situations in which a process dies: each prepared once, copied for every death, and acted out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.events import EventKind
from domain.monitoring import RECHECK
from domain.provisioning import PROVISION
from domain.schedules import HEALTH, KIND, PURGE, REDELIVERY, RETENTION, SCAN, SWEEP
from domain.snapshots import SNAPSHOT
from domain.teardown import TEARDOWN
from domain.undoing import UNDOS
from server.sandbox.faults import Fault
from tests.faults.killing.acts import (
    archived,
    arrived,
    bring_back,
    call_off,
    done_with,
    keep,
    lost,
    nothing,
    orphaned,
    parked,
    past_keeping,
    provision,
    provision_again,
    provision_in_vain,
    refused,
    served,
    short,
    short_and_quick,
    stuck,
    stuck_before,
    take_back,
    tear_down,
    turned,
)
from tests.faults.killing.death import Point
from tests.faults.speaking import ADMIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.job import Job
    from domain.saga import Step
    from tests.faults.killing.acts import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A situation: what was before, and what is done when death may come.

    `prepare` makes what is copied for every death; `first` happens in the process that is to die, with death not yet
    expected, and `act` with it. `faults` go wrong in Glean from the copy on, for ever, unless `first` or `act` clears
    them, and the methods of ports that stand in `broken` fail. Death comes to the `points`; to the steps before them it
    comes in another scene. The datasets end in the statuses `ends`, and the last event is `last`. What is prepared may
    be `past`: so long ago. With `told` a webhook is told of all events. Glean speaks the `dialect`.
    """

    name: str
    prepare: Part
    act: Part
    points: tuple[Point, ...]
    ends: tuple[str, ...]
    last: EventKind
    first: Part = nothing
    faults: tuple[Fault, ...] = ()
    past: timedelta = field(default_factory=timedelta)
    told: bool = False
    broken: frozenset[tuple[str, str]] = frozenset()
    dialect: str = ADMIN


def steps(kind: str, names: Sequence[str]) -> tuple[Point, ...]:
    return tuple(Point(kind, each) for each in names)


def through(kind: str, saga: Sequence[Step[Job]]) -> tuple[Point, ...]:
    """Every step of a saga that goes well."""
    return steps(kind, [each.name for each in saga])


def failing(kind: str, saga: Sequence[Step[Job]], at: str, *, again: bool = True) -> tuple[Point, ...]:
    """The step that fails, every compensation of what was begun, and the end.

    A step that would succeed when it is done `again` is left out.
    """
    names = [each.name for each in saga]
    begun = saga[: names.index(at) + 1]
    back = [f"undo {each.name}" for each in reversed(begun) if each.undo]
    return steps(kind, [*([at] if again else []), *back, "settle"])


def turn(schedule: str) -> tuple[Point, ...]:
    return steps(KIND, ["work"])


_UNHEALTHY: Final = refused("health.get")
_TAKEN_BACK: Final = ("list", *(f"undo {each} of 1" for each in UNDOS), "settle")

_SAGAS: Final = (
    Scene(
        name="provision",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=arrived,
        act=provision,
        points=through("provision", PROVISION),
        told=True,
    ),
    Scene(
        name="failed provision",
        ends=("failed",),
        last=EventKind.PROVISION_FAILED,
        prepare=arrived,
        act=provision,
        faults=(_UNHEALTHY,),
        points=failing("provision", PROVISION, "validate"),
        told=True,
    ),
    Scene(
        name="retry",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=short,
        act=provision_again,
        points=through("provision", PROVISION),
    ),
    Scene(
        name="failed retry",
        ends=("validating",),
        last=EventKind.PROVISION_FAILED,
        prepare=short,
        act=provision_again,
        faults=(refused("sync.start"),),
        points=failing("provision", PROVISION, "index"),
    ),
    Scene(
        name="failed retry that was served unseen",
        ends=("validating",),
        last=EventKind.PROVISION_FAILED,
        prepare=short_and_quick,
        act=provision_again,
        faults=(refused("sync.start", times=1, applied=True),),
        points=failing("provision", PROVISION, "index", again=False),
    ),
    Scene(
        name="retry that fails when it is served",
        ends=("validating",),
        last=EventKind.PROVISION_FAILED,
        prepare=short,
        act=provision_again,
        faults=(_UNHEALTHY,),
        points=failing("provision", PROVISION, "validate"),
    ),
    Scene(
        name="second attempt",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=arrived,
        first=provision_in_vain,
        act=provision_again,
        points=through("provision", PROVISION),
    ),
    Scene(
        name="undoing of what could not be undone",
        ends=("failed",),
        last=EventKind.PROVISION_FAILED,
        prepare=arrived,
        first=provision_in_vain,
        act=take_back,
        points=steps("undo", _TAKEN_BACK),
    ),
    Scene(
        name="teardown",
        ends=("archived",),
        last=EventKind.TORN_DOWN,
        prepare=done_with,
        act=tear_down,
        points=through("teardown", TEARDOWN),
        told=True,
    ),
    Scene(
        name="teardown that gets stuck",
        ends=("teardown",),
        last=EventKind.TEARDOWN_FAILED,
        prepare=done_with,
        act=tear_down,
        faults=(refused("datasources.delete"),),
        points=failing("teardown", TEARDOWN, "disconnect"),
    ),
    Scene(
        name="teardown again",
        ends=("archived",),
        last=EventKind.TORN_DOWN,
        prepare=stuck,
        act=tear_down,
        points=through("teardown", TEARDOWN),
    ),
    Scene(
        name="teardown that is called off",
        ends=("ready",),
        last=EventKind.TEARDOWN_FAILED,
        prepare=stuck_before,
        act=call_off,
        points=failing("teardown", TEARDOWN, "archive"),
    ),
    Scene(
        name="restore",
        ends=("archived", "ready"),
        last=EventKind.PROVISIONED,
        prepare=archived,
        act=bring_back,
        points=through("provision", PROVISION),
    ),
    Scene(
        name="failed restore",
        ends=("archived", "failed"),
        last=EventKind.PROVISION_FAILED,
        prepare=archived,
        act=bring_back,
        faults=(_UNHEALTHY,),
        points=failing("provision", PROVISION, "validate"),
    ),
    Scene(
        name="snapshot",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=served,
        act=keep,
        points=(*through("snapshot", SNAPSHOT), Point("snapshot", "settle")),
    ),
    Scene(
        name="failed snapshot",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=lost,
        act=keep,
        points=failing("snapshot", SNAPSHOT, "archive"),
    ),
)
_TURNS: Final = (
    Scene(
        name=HEALTH,
        ends=("ready",),
        last=EventKind.QUALITY_EVALUATED,
        prepare=served,
        act=turned(HEALTH),
        faults=(Fault(kind="unhealthy"),),
        points=(*turn(HEALTH), Point(RECHECK, "judge")),
    ),
    Scene(
        name=SCAN,
        ends=("ready",),
        last=EventKind.ORPHANED,
        prepare=done_with,
        act=turned(SCAN),
        points=turn(SCAN),
    ),
    Scene(
        name=SWEEP,
        ends=("archived",),
        last=EventKind.TORN_DOWN,
        prepare=orphaned,
        act=turned(SWEEP),
        points=turn(SWEEP),
    ),
    Scene(
        name=RETENTION,
        ends=("archived",),
        last=EventKind.ARCHIVE_PURGED,
        prepare=past_keeping,
        act=turned(RETENTION),
        points=turn(RETENTION),
        past=timedelta(days=365),
    ),
    Scene(
        name=REDELIVERY,
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=parked,
        act=turned(REDELIVERY),
        points=turn(REDELIVERY),
    ),
    Scene(
        name=PURGE,
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=served,
        act=turned(PURGE),
        points=turn(PURGE),
    ),
)
ADMIN_SCENES: Final = {each.name: each for each in (*_SAGAS, *_TURNS)}
