"""A state machine that plays everybody at once, and what must hold after each of their moves."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from hypothesis.stateful import initialize, invariant

from tests.support.adversaries.actors import AGENTS, DELEGATE, HASTY, HOW, KIM, READER, TENANT
from tests.support.adversaries.arena import ERAS
from tests.support.adversaries.attempts import STATUS
from tests.support.adversaries.machine.agent_rules import AgentRules
from tests.support.adversaries.machine.base import picks
from tests.support.adversaries.machine.environment_rules import EnvironmentRules
from tests.support.adversaries.machine.people_rules import PeopleRules
from tests.support.adversaries.oracle import REASONS

if TYPE_CHECKING:
    from tests.support.adversaries.machine.sequence_runner import SequenceRunner

MOST_WANTED: Final = ("manual", "manual", "orphaned")
"""The reasons that are hardest to check."""


class EveryActorMachine(AgentRules, PeopleRules, EnvironmentRules):
    """All actors on one world."""

    def __init__(self, hall: SequenceRunner) -> None:
        super().__init__(hall)
        self._chance = Random(0)

    @initialize(seed=picks)
    def a_chorus_gathers(self, seed: int) -> None:
        self._chance = Random(seed)

    @invariant()
    def somebody_tries_at_every_moment(self) -> None:
        if known := self.datasets_in():
            who, dataset = self._chance.choice(AGENTS), self._chance.choice(known)
            reason, how = self._chance.choice([*REASONS, *MOST_WANTED]), self._chance.choice(HOW)
            era = self._chance.choice(ERAS)
            self.run(self.world.tear_down, self.call_teardown(who, dataset, reason, how, era))

    @invariant()
    def and_somebody_answers_who_may_not(self) -> None:
        if waiting := self.requests("open"):
            request = self._chance.choice(waiting)
            themselves = [each for each in (KIM, TENANT) if each.subject == request.requester]
            who = self._chance.choice([DELEGATE, HASTY, READER, *themselves])
            self.answer_request(who, request, yes=True, typed=request.dataset.name)
            assert request.state_at(self.now()) == "open"

    @invariant()
    def nothing_left_that_was_not_allowed_to(self) -> None:
        self.run(self._check_state)

    def teardown(self) -> None:
        try:
            self.run(self._check_audit_log)
        finally:
            self.hall.close_world()

    async def _check_state(self) -> None:
        """The store, Glean, the staging area and the archives hold what the oracle says they do."""
        arena, known = self.arena, self.oracle.datasets
        stands = {each.dataset_id: each.status.value for each in await arena.load_datasets()}
        expected = {name: STATUS.get(each.state, each.state) for name, each in known.items()}
        leaving = [name for name, status in stands.items() if status in {"teardown", "archived"}]
        wrong = [name for name in leaving if expected.get(name) not in {"teardown", "archived"}]
        self.world.figures.wrongful += len(wrong)
        assert stands == expected
        staged, archived = arena.place.staged_files(), set(arena.place.archived_files())
        served = {each["name"] for each in arena.place.glean.datasources()}
        for each in known.values():
            holds = any(name.startswith(f"{each.dataset_id}/") for name in staged)
            if each.state in {"ready", "validating"}:
                assert holds, each
                assert each.name in served, each
            if each.state == "gone":
                manifest = f"{each.client}/{each.stage}/{each.kind}/{each.dataset_id}/manifest.json"
                assert manifest in archived, each
                assert not holds, each

    async def _check_audit_log(self) -> None:
        """Every call that an agent made has its entry, and what they did stands in it."""
        await self.world.check_audit_log()
