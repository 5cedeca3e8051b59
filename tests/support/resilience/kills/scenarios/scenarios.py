"""The situations in which a process dies: each prepared once, copied for every death, and acted out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.connectors.monitor import RECHECK
from domain.governance.schedules import SCHEDULED_RUN_KIND
from domain.lifecycle.archives.snapshot import SNAPSHOT_STEPS
from domain.lifecycle.provision.compensation import COMPENSATIONS
from domain.lifecycle.provision.saga import PROVISION_STEPS
from domain.lifecycle.teardown.saga import TEARDOWN_STEPS
from domain.model.event import EventKind
from domain.model.schedule import (
    HEALTH_SCHEDULE,
    ORPHAN_SCAN_SCHEDULE,
    ORPHAN_SWEEP_SCHEDULE,
    REDELIVERY_SCHEDULE,
    REFRESH_SCHEDULE,
    RETENTION_SCHEDULE,
    WORKFLOW_PURGE_SCHEDULE,
)
from tests.support.resilience.faults.dialect_names import ADMIN
from tests.support.resilience.kills.processes.crash_points import CrashPoint
from tests.support.resilience.kills.scenarios.steps import (
    add_client_and_journey,
    cancel_teardown,
    do_nothing,
    prepare_archived,
    prepare_company,
    prepare_expired_archive,
    prepare_export,
    prepare_finished_journey,
    prepare_living,
    prepare_lost_staging,
    prepare_missing_documents,
    prepare_missing_documents_fast_sync,
    prepare_orphan,
    prepare_parked_event,
    prepare_ready,
    prepare_stuck_archive,
    prepare_stuck_disconnect,
    provision,
    provision_again,
    provision_generated,
    provision_sanitized,
    provision_with_failure,
    refresh,
    refusing_fault,
    restore,
    retry_compensation,
    run_schedule,
    take_snapshot,
    tear_down,
)
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.lifecycle.sagas.definition import Step
    from tests.support.resilience.kills.scenarios.steps import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A situation: what was before, and what is done when death may come.

    `prepare` makes what is copied for every death; `first` happens in the process that is to die, with death not yet
    expected, and `act` with it. `faults` go wrong in Glean from the copy on, for ever, unless `first` or `act` clears
    them, and the methods of ports that stand in `broken` fail. Death comes to the `points`; to the steps before them it
    comes in another scene. The datasets end in the statuses `ends`, and the last event is `last`. What is prepared may
    be `past`: so long ago. With `told` a webhook is told of all events. Glean speaks the `dialect`. With `sanitizes` an
    export is configured.
    """

    name: str
    prepare: Part
    act: Part
    points: tuple[CrashPoint, ...]
    ends: tuple[str, ...]
    last: EventKind
    first: Part = do_nothing
    faults: tuple[Fault, ...] = ()
    past: timedelta = field(default_factory=timedelta)
    told: bool = False
    broken: frozenset[tuple[str, str]] = frozenset()
    dialect: str = ADMIN
    sanitizes: bool = False


def crash_points_of(kind: str, names: Sequence[str]) -> tuple[CrashPoint, ...]:
    return tuple(CrashPoint(kind, each) for each in names)


def all_steps(kind: str, saga: Sequence[Step]) -> tuple[CrashPoint, ...]:
    """Every step of a saga that goes well."""
    return crash_points_of(kind, [each.name for each in saga])


def failing_steps(kind: str, saga: Sequence[Step], at: str, *, again: bool = True) -> tuple[CrashPoint, ...]:
    """The step that fails, every compensation of what was begun, and the end.

    A step that would succeed when it is done `again` is left out.
    """
    names = [each.name for each in saga]
    begun = saga[: names.index(at) + 1]
    back = [f"undo {each.name}" for each in reversed(begun) if each.compensation]
    return crash_points_of(kind, [*([at] if again else []), *back, "settle"])


def schedule_scenario(schedule: str) -> tuple[CrashPoint, ...]:
    return crash_points_of(SCHEDULED_RUN_KIND, ["work"])


_A_DAY: Final = timedelta(days=1)
_UNHEALTHY: Final = refusing_fault("health.get")
_TAKEN_BACK: Final = ("list", *(f"undo {each} of 1" for each in COMPENSATIONS), "settle")
_SAGAS: Final = (
    Scenario(
        name="provision",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=add_client_and_journey,
        act=provision,
        points=all_steps("provision", PROVISION_STEPS),
        told=True,
    ),
    Scenario(
        name="failed provision",
        ends=("failed",),
        last=EventKind.PROVISION_FAILED,
        prepare=add_client_and_journey,
        act=provision,
        faults=(_UNHEALTHY,),
        points=failing_steps("provision", PROVISION_STEPS, "validate"),
        told=True,
    ),
    Scenario(
        name="retry",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=prepare_missing_documents,
        act=provision_again,
        points=all_steps("provision", PROVISION_STEPS),
    ),
    Scenario(
        name="failed retry",
        ends=("validating",),
        last=EventKind.PROVISION_FAILED,
        prepare=prepare_missing_documents,
        act=provision_again,
        faults=(refusing_fault("sync.start"),),
        points=failing_steps("provision", PROVISION_STEPS, "index"),
    ),
    Scenario(
        name="failed retry that was served unseen",
        ends=("validating",),
        last=EventKind.PROVISION_FAILED,
        prepare=prepare_missing_documents_fast_sync,
        act=provision_again,
        faults=(refusing_fault("sync.start", times=1, applied=True),),
        points=failing_steps("provision", PROVISION_STEPS, "index", again=False),
    ),
    Scenario(
        name="retry that fails when it is served",
        ends=("validating",),
        last=EventKind.PROVISION_FAILED,
        prepare=prepare_missing_documents,
        act=provision_again,
        faults=(_UNHEALTHY,),
        points=failing_steps("provision", PROVISION_STEPS, "validate"),
    ),
    Scenario(
        name="second attempt",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=add_client_and_journey,
        first=provision_with_failure,
        act=provision_again,
        points=all_steps("provision", PROVISION_STEPS),
    ),
    Scenario(
        name="undoing of what could not be undone",
        ends=("failed",),
        last=EventKind.PROVISION_FAILED,
        prepare=add_client_and_journey,
        first=provision_with_failure,
        act=retry_compensation,
        points=crash_points_of("undo", _TAKEN_BACK),
    ),
    Scenario(
        name="teardown",
        ends=("archived",),
        last=EventKind.TORN_DOWN,
        prepare=prepare_finished_journey,
        act=tear_down,
        points=all_steps("teardown", TEARDOWN_STEPS),
        told=True,
    ),
    Scenario(
        name="teardown that gets stuck",
        ends=("teardown",),
        last=EventKind.TEARDOWN_FAILED,
        prepare=prepare_finished_journey,
        act=tear_down,
        faults=(refusing_fault("datasources.delete"),),
        points=failing_steps("teardown", TEARDOWN_STEPS, "disconnect"),
    ),
    Scenario(
        name="teardown again",
        ends=("archived",),
        last=EventKind.TORN_DOWN,
        prepare=prepare_stuck_disconnect,
        act=tear_down,
        points=all_steps("teardown", TEARDOWN_STEPS),
    ),
    Scenario(
        name="teardown that is called off",
        ends=("ready",),
        last=EventKind.TEARDOWN_FAILED,
        prepare=prepare_stuck_archive,
        act=cancel_teardown,
        points=failing_steps("teardown", TEARDOWN_STEPS, "archive"),
    ),
    Scenario(
        name="restore",
        ends=("archived", "ready"),
        last=EventKind.PROVISIONED,
        prepare=prepare_archived,
        act=restore,
        points=all_steps("provision", PROVISION_STEPS),
    ),
    Scenario(
        name="failed restore",
        ends=("archived", "failed"),
        last=EventKind.PROVISION_FAILED,
        prepare=prepare_archived,
        act=restore,
        faults=(_UNHEALTHY,),
        points=failing_steps("provision", PROVISION_STEPS, "validate"),
    ),
    Scenario(
        name="refresh by hand",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=prepare_living,
        act=refresh,
        points=all_steps("provision", PROVISION_STEPS),
        past=_A_DAY,
    ),
    Scenario(
        name="failed refresh",
        ends=("ready",),
        last=EventKind.PROVISION_FAILED,
        prepare=prepare_living,
        act=refresh,
        faults=(refusing_fault("sync.start"),),
        points=failing_steps("provision", PROVISION_STEPS, "index"),
        past=_A_DAY,
    ),
    Scenario(
        name="snapshot",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=prepare_ready,
        act=take_snapshot,
        points=(*all_steps("snapshot", SNAPSHOT_STEPS), CrashPoint("snapshot", "settle")),
    ),
    Scenario(
        name="failed snapshot",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=prepare_lost_staging,
        act=take_snapshot,
        points=failing_steps("snapshot", SNAPSHOT_STEPS, "archive"),
    ),
    Scenario(
        name="provision of generated records",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=prepare_company,
        act=provision_generated,
        points=all_steps("provision", PROVISION_STEPS),
    ),
    Scenario(
        name="provision of sanitized records",
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=prepare_export,
        act=provision_sanitized,
        points=all_steps("provision", PROVISION_STEPS),
        sanitizes=True,
    ),
)
_TURNS: Final = (
    Scenario(
        name=HEALTH_SCHEDULE,
        ends=("ready",),
        last=EventKind.QUALITY_EVALUATED,
        prepare=prepare_ready,
        act=run_schedule(HEALTH_SCHEDULE),
        faults=(Fault(kind="unhealthy"),),
        points=(*schedule_scenario(HEALTH_SCHEDULE), CrashPoint(RECHECK, "judge")),
    ),
    Scenario(
        name=ORPHAN_SCAN_SCHEDULE,
        ends=("ready",),
        last=EventKind.ORPHANED,
        prepare=prepare_finished_journey,
        act=run_schedule(ORPHAN_SCAN_SCHEDULE),
        points=schedule_scenario(ORPHAN_SCAN_SCHEDULE),
    ),
    Scenario(
        name=ORPHAN_SWEEP_SCHEDULE,
        ends=("archived",),
        last=EventKind.TORN_DOWN,
        prepare=prepare_orphan,
        act=run_schedule(ORPHAN_SWEEP_SCHEDULE),
        points=schedule_scenario(ORPHAN_SWEEP_SCHEDULE),
    ),
    Scenario(
        name=RETENTION_SCHEDULE,
        ends=("archived",),
        last=EventKind.ARCHIVE_PURGED,
        prepare=prepare_expired_archive,
        act=run_schedule(RETENTION_SCHEDULE),
        points=schedule_scenario(RETENTION_SCHEDULE),
        past=timedelta(days=365),
    ),
    Scenario(
        name=REDELIVERY_SCHEDULE,
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=prepare_parked_event,
        act=run_schedule(REDELIVERY_SCHEDULE),
        points=schedule_scenario(REDELIVERY_SCHEDULE),
    ),
    Scenario(
        name=WORKFLOW_PURGE_SCHEDULE,
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=prepare_ready,
        act=run_schedule(WORKFLOW_PURGE_SCHEDULE),
        points=schedule_scenario(WORKFLOW_PURGE_SCHEDULE),
    ),
    Scenario(
        name=REFRESH_SCHEDULE,
        ends=("ready",),
        last=EventKind.PROVISIONED,
        prepare=prepare_living,
        act=run_schedule(REFRESH_SCHEDULE),
        points=schedule_scenario(REFRESH_SCHEDULE),
        past=_A_DAY,
    ),
)
ADMIN_SCENARIOS: Final = {each.name: each for each in (*_SAGAS, *_TURNS)}
