"""Short sequences over a real server, each made up from a seed; the world goes on from one to the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from tests.support.adversaries.actors import UNTIMED, principal
from tests.support.adversaries.arena import ERAS, JOURNEYS, KINDS
from tests.support.adversaries.attempts import SentCall
from tests.support.adversaries.literal_agent import next_calls
from tests.support.adversaries.oracle import LIVING, REASONS, SETTLED, STAGES, ActorIdentity, Dataset, Journey
from tests.support.adversaries.tenant_probes import check_probe, make_probe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.adversaries.attempts import CheckedCalls
    from tests.support.adversaries.transports import RunningServer

MOVES_EACH: Final = 8
STANDING: Final = 2
SELDOM: Final = 0.2
OFTEN: Final = 0.8
HURRIED: Final = 4
WAIT_S: Final = 50


@dataclass
class RandomSequences:
    """What is played, and the chance that it is played by."""

    played: RunningServer
    world: CheckedCalls
    era: str
    chance: Random

    async def play_sequence(self, number: int) -> None:
        """A handful of moves, the same ones for the same number, as far as the world is the same."""
        self.chance = Random(f"{self.era} {number}")
        self.world.figures.sequences += 1
        await self._ensure_datasets()
        moves: list[Callable[[], Awaitable[None]]] = [
            self._tear_down,
            *[self._tear_down_what_is_over] * 4,
            self._hurry,
            self._replay,
            self._leave_a_question_open,
            self._answer_late,
            self._look_at_anothers_things,
            *[self._answer_a_request] * 3,
            self._end_or_reopen,
            self._protect_or_not,
        ]
        for move in self.chance.choices(moves, k=MOVES_EACH):
            await move()

    def _known_datasets(self, *states: str) -> list[Dataset]:
        return [each for each in self.world.oracle.datasets.values() if each.state in states]

    def _some_dataset(self, *states: str) -> Dataset | None:
        known = self._known_datasets(*states)
        return self.chance.choice(known) if known else None

    def _some_actor(self) -> ActorIdentity:
        return self.chance.choice(list(self.played.actors))

    def _some_journey(self) -> Journey:
        return self.world.oracle.journeys[self.chance.choice(JOURNEYS)]

    def _call(self, who: ActorIdentity, dataset: Dataset, reason: str, how: str = "name") -> SentCall:
        given = {"dataset_id": dataset.dataset_id, "reason": reason, "wait_s": WAIT_S}
        return SentCall(who, given, how, self.era)

    async def _ensure_datasets(self) -> None:
        """Two datasets at least that stand, of journeys that may be over."""
        places = [(journey, kind) for journey in self.world.oracle.journeys.values() for kind in KINDS]
        for journey, kind in self.chance.sample(places, len(places)):
            if len(self._known_datasets(*SETTLED)) >= STANDING:
                return
            if journey.state_at(self.world.arena.now()) != "active":
                await self._move_journey(journey, state="active")
            if self.chance.random() < SELDOM:
                await self._move_journey(journey, stage=STAGES[min(STAGES.index(journey.stage) + 1, 2)])
            await self.world.provision(self.played.operator, journey, kind, retry=False, era=self.era)
            if self.chance.random() > SELDOM:
                await self._move_journey(journey, state=self.chance.choice(["completed", "cancelled"]))

    async def _tear_down(self) -> None:
        if dataset := self._some_dataset("gone", *SETTLED):
            reason, how = self.chance.choice(REASONS), self.chance.choice(UNTIMED)
            await self.world.tear_down(self._call(self._some_actor(), dataset, reason, how))

    async def _tear_down_what_is_over(self) -> None:
        dataset, who = self._some_dataset(*SETTLED), self._some_actor()
        if dataset is None:
            return
        calls = [self._call(who, dataset, reason) for reason in REASONS]
        codes = {each.arguments["reason"]: self.world.expected_verdict(each).code for each in calls}
        for wanted in ("go", "confirmation_required"):
            near = [each for each in calls if codes[each.arguments["reason"]] == wanted]
            if near:
                await self.world.tear_down(self.chance.choice(near))
                return

    async def _hurry(self) -> None:
        dataset = self._some_dataset(*SETTLED)
        if dataset is None:
            return
        call = self._call(
            self._some_actor(), dataset, self.chance.choice(REASONS), self.chance.choice(UNTIMED)
        )
        reply = await self.world.tear_down(call)
        if reply.error is not None:
            for given in self.chance.choices(list(next_calls(call.arguments, reply.error)), k=HURRIED):
                await self.world.tear_down(SentCall(call.who, given, call.how, self.era))

    async def _replay(self) -> None:
        if self.world.sent:
            sent = self.chance.choice(self.world.sent)
            who = self.chance.choice([sent.who, self._some_actor()])
            await self.world.tear_down(SentCall(who, sent.arguments, sent.how, self.era))

    async def _leave_a_question_open(self) -> None:
        """In the newer era alone: in the older one a question never leaves the connection that it came by."""
        dataset = self._some_dataset(*SETTLED)
        asked = [each for each in self.played.actors if each.forms]
        if dataset is not None and self.era == ERAS[1]:
            await self.world.open_question(self._call(self.chance.choice(asked), dataset, "manual"))

    async def _answer_late(self) -> None:
        if self.world.questions:
            question = self.chance.choice(self.world.questions)
            who = self.chance.choice([question.sent.who, self._some_actor()])
            await self.world.answer_question(who, question, self.chance.choice(["name", *UNTIMED]))

    async def _look_at_anothers_things(self) -> None:
        probe = make_probe(self.world, self.chance)
        await check_probe(self.world, probe, self.era, self.played.tenant)

    async def _answer_a_request(self) -> None:
        now = self.world.arena.now()
        requests = list(self.world.oracle.requests.values())
        waiting = [each for each in requests if each.state_at(now) == "open"] or requests
        if not waiting:
            return
        request, who = self.chance.choice(waiting), self.chance.choice(self.played.people)
        yes = self.chance.random() < 0.8
        typed = self.chance.choice([request.dataset.name] * 3 + ["yes"])
        expected = self.world.oracle.answer_request(who, request.approval_id, yes=yes, typed=typed, now=now)
        code, told = await self.world.arena.answer_approval(who, request.approval_id, yes=yes, typed=typed)
        assert code == expected, (who, request, told)

    async def _end_or_reopen(self) -> None:
        journey = self._some_journey()
        living = journey.state_at(self.world.arena.now()) in LIVING
        await self._move_journey(journey, state="completed" if living else "active")

    async def _protect_or_not(self) -> None:
        dataset, now = self._some_dataset(*SETTLED), self.world.arena.now()
        if dataset is None:
            return
        if dataset.is_kept(now):
            person = ActorIdentity("person:kim")
            await self.world.arena.services.leases.unprotect_dataset(
                dataset.dataset_id, principal(person), person=True
            )
            self.world.oracle.protect(dataset, None, now)
        else:
            await self.world.protect(self._some_actor(), dataset, now + timedelta(hours=1), self.era)

    async def _move_journey(self, journey: Journey, *, state: str = "", stage: str = "") -> None:
        may = self.world.oracle.move_journey(journey, self.world.arena.now(), state=state, stage=stage)
        code = await self.world.arena.move_journey(journey.client, journey.name, state=state, stage=stage)
        assert (code == "ok") == may
