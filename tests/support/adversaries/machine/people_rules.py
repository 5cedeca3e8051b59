"""The rules by which people move, and those who pass for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.errors import LifecycleError
from tests.support.adversaries.actors import KIM, LEE, PEOPLE, principal
from tests.support.adversaries.machine.base import WorldRules, pick_one, picks, places, seldom, spans
from tests.support.adversaries.oracle import LIVING, MOVES, SETTLED, STAGES, SWEEPER

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import timedelta

    from tests.support.adversaries.oracle import ActorIdentity, ApprovalRequest


class PeopleRules(WorldRules):
    """What they allow, refuse, begin and end."""

    @precondition(lambda self: self.requests())
    @rule(
        pick=picks,
        who=st.sampled_from(PEOPLE),
        typed=st.sampled_from(["name", "cased", "yes"]),
        spelt=st.sampled_from(["", "", "", "x"]),
    )
    def approve(self, pick: int, who: ActorIdentity, typed: str, spelt: str) -> None:
        request = pick_one(pick, self.requests())
        name = request.dataset.name
        self.answer_request(
            who, request, spelt, yes=True, typed={"name": name, "cased": name.lower()}.get(typed, typed)
        )

    @precondition(lambda self: self.requests("open"))
    @rule(pick=picks, who=st.sampled_from([KIM, LEE]))
    def approve_what_waits(self, pick: int, who: ActorIdentity) -> None:
        request = pick_one(pick, self.requests("open"))
        self.answer_request(who, request, yes=True, typed=request.dataset.name)

    @precondition(lambda self: self.requests())
    @rule(pick=picks, who=st.sampled_from(PEOPLE))
    def decline(self, pick: int, who: ActorIdentity) -> None:
        self.answer_request(who, pick_one(pick, self.requests()), yes=False)

    @rule(place=places, state=st.sampled_from([*MOVES, *STAGES, *["over"] * 6]))
    def move_a_journey(self, place: tuple[str, str], state: str) -> None:
        if state in STAGES:
            self.move_journey(place, stage=state)
            return
        living = self.oracle.journeys[place].state_at(self.now()) in LIVING
        self.move_journey(place, state=state if state != "over" else "completed" if living else "active")

    @precondition(lambda self: self.datasets_in(*SETTLED))
    @rule(pick=picks, person=st.booleans())
    def unprotect(self, pick: int, *, person: bool) -> None:
        dataset = pick_one(pick, self.datasets_in(*SETTLED))
        keeping = self.arena.services.leases
        ended = self.run(
            _refusal_code, keeping.unprotect_dataset(dataset.dataset_id, principal(KIM), person=person)
        )
        assert ended == ("ok" if person else "forbidden")
        if person:
            self.oracle.protect(dataset, None, self.now())

    @rule(place=places, span=spans)
    def give_a_lease(self, place: tuple[str, str], span: timedelta) -> None:
        keeping, (client, name) = self.arena.services.leases, place
        given = self.run(_refusal_code, keeping.renew_lease(name, span, principal(KIM), client, person=True))
        journey = self.oracle.journeys[place]
        assert given == self.oracle.renew_lease(journey, self.now() + span, self.now(), person=True)

    @precondition(lambda self: self.datasets_in("claimed"))
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        dataset = pick_one(pick, self.datasets_in("claimed"))
        self.run(self.arena.services.sagas.cancel, dataset.dataset_id, principal(LEE))
        dataset.cancelled = True

    @rule(on=seldom)
    def drain(self, *, on: bool) -> None:
        draining = self.arena.services.drain
        self.run(draining.begin_drain if on else draining.end_drain, principal(KIM))
        self.oracle.draining = on

    def answer_request(
        self, who: ActorIdentity, request: ApprovalRequest, spelt: str = "", *, yes: bool, typed: str = ""
    ) -> None:
        approval_id = request.approval_id + spelt
        expected = self.oracle.answer_request(who, approval_id, yes=yes, typed=typed, now=self.now())
        code, told = self.run(self.arena.answer_approval, who, approval_id, yes=yes, typed=typed)
        assert code == expected, (who, approval_id, told)
        self.world.check_no_leak(who, approval_id, told)
        if yes and code == "ok" and request.requester == SWEEPER:
            self.run(self.world.carry_out, request.approval_id)


async def _refusal_code(work: Awaitable[object]) -> str:
    try:
        await work
    except LifecycleError as error:
        return error.code
    return "ok"
