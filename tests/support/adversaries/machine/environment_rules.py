"""The rules by which time, the schedules, Glean and the disks move."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.model.dataset import Recheck
from domain.model.enums import TeardownReason
from tests.support.adversaries.actors import HASTY, KIM, LEE, principal
from tests.support.adversaries.arena import ERAS, KINDS
from tests.support.adversaries.machine.base import WorldRules, pick_one, picks, places, seldom, spans
from tests.support.adversaries.oracle import LIVING, REASONS, SETTLED, SWEEPER, ActorIdentity

if TYPE_CHECKING:
    from domain.governance.orphan_facts import SweepPlan
    from tests.support.adversaries.machine.sequence_runner import SequenceRunner
    from tests.support.adversaries.oracle import Dataset, Journey

RECHECK: Final = timedelta(minutes=15)


class EnvironmentRules(WorldRules):
    """What nobody at the product does."""

    def __init__(self, hall: SequenceRunner) -> None:
        super().__init__(hall)
        self._damaged: dict[tuple[str, str], str] = {}

    @rule(span=spans)
    def time_passes(self, span: timedelta) -> None:
        self.arena.pass_time(span)

    @rule(
        scans=st.sampled_from([0, 1, 2, 6, 8]),
        gap=st.sampled_from([timedelta(hours=25), timedelta(hours=25), timedelta(days=8)]),
        used=st.booleans(),
    )
    def days_pass_with_scans_and_a_sweep(self, scans: int, gap: timedelta, *, used: bool) -> None:
        for number in range(scans):
            self._scan()
            self.arena.pass_time(gap)
            if used and number == scans // 2:
                self._reactivate_journeys_briefly()
        self.run(self._run_sweep)

    @rule(
        leap=st.sampled_from([timedelta(hours=25), timedelta(days=30)]),
        times=st.sampled_from([2, 17, 18]),
        back=st.booleans(),
        ended=st.lists(places, max_size=2),
    )
    def the_clock_goes_to_and_fro(
        self, leap: timedelta, times: int, *, back: bool, ended: list[tuple[str, str]]
    ) -> None:
        """Within seconds the clock leaps again and again, with a scan at each leap; `back` and forth, or only on.

        Journeys that have ended before leave orphans, whose grace it must not serve.
        """
        for place in ended:
            self.move_journey(place, state="completed")
        began, stood = self.oracle.off, self._journey_states()
        lapsed: set[tuple[str, str]] = set()
        for number in range(1, times + 1):
            self._set_clock_off(began + leap * (number % 2 if back else number))
            self._scan()
            lapsed |= {place for place, state in self._journey_states().items() if state != stood[place]}
            self.arena.pass_time(timedelta(seconds=2))
        for place in lapsed if back else ():
            self.oracle.journeys[place].moves += 1  # its lease lapsed and did not, and both are on record
        self.run(self._run_sweep)

    def _scan(self) -> None:
        self.run(self.arena.services.orphans.scan, principal(KIM))
        self.oracle.scan(self.now())

    def _set_clock_off(self, off: timedelta) -> None:
        self.arena.set_clock_off(off)
        self.oracle.off = off

    def _journey_states(self) -> dict[tuple[str, str], str]:
        known = self.oracle.journeys.items()
        return {place: each.state_at(self.now()) for place, each in known if each.readable}

    def _reactivate_journeys_briefly(self) -> None:
        """Journeys that are over are taken up again, and ended again."""
        for place, journey in self.oracle.journeys.items():
            if journey.readable and journey.state_at(self.now()) not in LIVING:
                self.move_journey(place, state="active")
                self.move_journey(place, state="completed")

    @rule(dark=seldom, broken=seldom)
    def outage(self, *, dark: bool, broken: bool) -> None:
        if self.switches.populating is None:
            self.switches.platform_down = self.oracle.dark = dark
            self.switches.disk_broken = broken

    @precondition(lambda self: self.datasets_in("ready", "validating"))
    @rule(pick=picks, begins=seldom)
    def sync(self, pick: int, *, begins: bool) -> None:
        dataset = pick_one(pick, self.datasets_in("ready", "validating"))
        handle = self.run(self.arena.platform_handle, dataset.dataset_id)
        self.switches.syncing.pop(handle, None)
        dataset.syncing_since = None
        if begins:
            dataset.syncing_since = self.switches.syncing[handle] = self.now()

    @precondition(lambda self: self.datasets_in("ready", "validating"))
    @rule(pick=picks)
    def queue_a_recheck(self, pick: int) -> None:
        dataset = pick_one(pick, self.datasets_in("ready", "validating"))
        dataset.recheck_until = self.now() + RECHECK
        recheck = Recheck(requested_at=self.now(), deadline=dataset.recheck_until)
        self.run(self.arena.change_dataset, dataset.dataset_id, recheck=recheck)

    @rule(place=places, damage=seldom)
    def damage_or_repair_a_journey(self, place: tuple[str, str], *, damage: bool) -> None:
        journey = self.oracle.journeys[place]
        if not damage:
            self._repair(journey)
        elif journey.readable:
            self._damaged[place] = self.arena.damage_journey(*place)
            journey.readable = False

    def _repair(self, journey: Journey) -> None:
        if not journey.readable:
            place = journey.client, journey.name
            self.arena.repair_journey(*place, self._damaged.pop(place))
            journey.readable = True

    @rule(gate=st.sampled_from(["archiving", "populating"]))
    def shut_or_open_a_gate(self, gate: str) -> None:
        if getattr(self.switches, gate) is not None:
            self.run(self._open_gate, gate)
            self._run_held_sagas()
        elif gate == "archiving":
            self.switches.archiving = anyio.Event()
            self._hold_at_archiving()
        elif not (self.switches.platform_down or self.switches.disk_broken):
            self.switches.populating = anyio.Event()
            self._hold_at_populating()

    @precondition(lambda self: not self.switches.archiving)
    @rule(reopened=st.lists(places, max_size=2), cancelled=seldom)
    def the_world_moves_while_teardowns_are_held(
        self, reopened: list[tuple[str, str]], *, cancelled: bool
    ) -> None:
        self.shut_or_open_a_gate("archiving")
        for place in reopened:
            self.move_journey(place, state="active")
        for each in self.datasets_in("claimed") if cancelled else []:
            self.run(self.arena.services.sagas.cancel, each.dataset_id, principal(LEE))
            each.cancelled = True
        self.shut_or_open_a_gate("archiving")

    def _hold_at_archiving(self) -> None:
        """Whatever may go is on its way."""
        for each in self.datasets_in(*SETTLED):
            calls = [self.call_teardown(HASTY, each, reason, "name", ERAS[1]) for reason in REASONS]
            for call in [of_it for of_it in calls if self.world.expected_verdict(of_it).code == "go"][:1]:
                self.run(self.world.tear_down, call)

    def _hold_at_populating(self) -> None:
        """Whatever may be made is being made."""
        for journey in self.oracle.journeys.values():
            for kind in KINDS:
                self.run(self.world.provision, HASTY, journey, kind, retry=True, era=ERAS[1])

    def _run_held_sagas(self) -> None:
        sagas = self.arena.services.sagas
        for each in self.datasets_in("claimed") if self.switches.archiving is None else []:
            self.run(sagas.wait, each.dataset_id, None)
            self.world.finish_teardown(each)
        for each in self.datasets_in("making") if self.switches.populating is None else []:
            self._repair(each.journey)  # until it can be read, its datasets wait for it, without an end
            made, _ = self.run(sagas.wait, each.dataset_id, None)
            self.world.finish_provision(each, made.status.value)

    async def _open_gate(self, gate: str) -> None:
        getattr(self.switches, gate).set()
        setattr(self.switches, gate, None)

    async def _run_sweep(self) -> None:
        arena, oracle, now = self.arena, self.oracle, self.now()
        teardowns, seconds = arena.services.teardowns, 0 if self.switches.archiving else None

        async def take(dataset: Any) -> None:  # noqa: ANN401 - a dataset of the product's
            begun = await teardowns.start_or_attach(
                dataset.dataset_id, TeardownReason.ORPHANED, principal(LEE), generation=dataset.generation
            )
            await teardowns.wait(begun, seconds)

        file = partial(arena.services.approvals.file_for_sweep, principal=principal(KIM))
        due = {each.dataset_id: each for each in oracle.datasets.values() if self._due(each)}
        if oracle.is_clock_in_doubt():
            due = {}
        result = await arena.services.orphans.sweep(take, file, _no_batch_approval, apply=True)
        free = {
            each.dataset_id
            for each in due.values()
            if each.stage == "sandbox" and not oracle.blocks(each, "orphaned", each.state, now)
        }
        assert {each.dataset_id for each in result.taken} == free
        for name in free:
            verdict = oracle.expected_teardown(ActorIdentity(SWEEPER), name, "orphaned", None, now)
            assert verdict.code == "go"
            await self.world.record_claim(due[name], "orphaned", verdict)
        for filed in result.requests:
            assert due[filed.dataset_id].stage != "sandbox"
            if filed.approval_id not in oracle.requests:
                oracle.file_request(filed.approval_id, due[filed.dataset_id], "orphaned", SWEEPER, now)

    def _due(self, dataset: Dataset) -> bool:
        eligible = self.oracle.is_sweepable(dataset, dataset.state, self.now())
        return eligible and not dataset.is_kept(self.now())


async def _no_batch_approval(plan: SweepPlan) -> None:
    """So few datasets are never beyond the caps of a sweep."""
    assert plan.refused is None
