"""The rules by which people move, and those who pass for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.errors import LifecycleError
from tests.adversarial.actors import KIM, LEE, PEOPLE, caller
from tests.adversarial.oracle import LIVING, MOVES, SETTLED, STAGES, SWEEPER
from tests.adversarial.table import Table, one, picks, places, seldom, spans

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import timedelta

    from tests.adversarial.oracle import Request, Who


class People(Table):
    """What they allow, refuse, begin and end."""

    @precondition(lambda self: self.requests())
    @rule(
        pick=picks,
        who=st.sampled_from(PEOPLE),
        typed=st.sampled_from(["name", "cased", "yes"]),
        spelt=st.sampled_from(["", "", "", "x"]),
    )
    def approve(self, pick: int, who: Who, typed: str, spelt: str) -> None:
        request = one(pick, self.requests())
        name = request.dataset.name
        self.answered(
            who, request, spelt, yes=True, typed={"name": name, "cased": name.lower()}.get(typed, typed)
        )

    @precondition(lambda self: self.requests("open"))
    @rule(pick=picks, who=st.sampled_from([KIM, LEE]))
    def approve_what_waits(self, pick: int, who: Who) -> None:
        request = one(pick, self.requests("open"))
        self.answered(who, request, yes=True, typed=request.dataset.name)

    @precondition(lambda self: self.requests())
    @rule(pick=picks, who=st.sampled_from(PEOPLE))
    def decline(self, pick: int, who: Who) -> None:
        self.answered(who, one(pick, self.requests()), yes=False)

    @rule(place=places, state=st.sampled_from([*MOVES, *STAGES, *["over"] * 6]))
    def move_a_journey(self, place: tuple[str, str], state: str) -> None:
        if state in STAGES:
            self.moved(place, stage=state)
            return
        living = self.oracle.journeys[place].stands(self.now()) in LIVING
        self.moved(place, state=state if state != "over" else "completed" if living else "active")

    @precondition(lambda self: self.of(*SETTLED))
    @rule(pick=picks, person=st.booleans())
    def unprotect(self, pick: int, *, person: bool) -> None:
        dataset = one(pick, self.of(*SETTLED))
        keeping = self.arena.services.keeping
        ended = self.run(_code, keeping.unprotect(dataset.dataset_id, caller(KIM), person=person))
        assert ended == ("ok" if person else "forbidden")
        if person:
            self.oracle.keep(dataset, None, self.now())

    @rule(place=places, span=spans)
    def give_a_lease(self, place: tuple[str, str], span: timedelta) -> None:
        keeping, (client, name) = self.arena.services.keeping, place
        given = self.run(_code, keeping.renew(name, span, caller(KIM), client, person=True))
        journey = self.oracle.journeys[place]
        assert given == self.oracle.renew(journey, self.now() + span, self.now(), person=True)

    @precondition(lambda self: self.of("claimed"))
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        dataset = one(pick, self.of("claimed"))
        self.run(self.arena.services.sagas.cancel, dataset.dataset_id, caller(LEE))
        dataset.cancelled = True

    @rule(on=seldom)
    def drain(self, *, on: bool) -> None:
        draining = self.arena.services.draining
        self.run(draining.on if on else draining.off, caller(KIM))
        self.oracle.draining = on

    def answered(self, who: Who, request: Request, spelt: str = "", *, yes: bool, typed: str = "") -> None:
        approval_id = request.approval_id + spelt
        expected = self.oracle.answer(who, approval_id, yes=yes, typed=typed, now=self.now())
        code, told = self.run(self.arena.answer, who, approval_id, yes=yes, typed=typed)
        assert code == expected, (who, approval_id, told)
        self.world.unleaked(who, approval_id, told)
        if yes and code == "ok" and request.requester == SWEEPER:
            self.run(self.world.carry_out, request.approval_id)


async def _code(work: Awaitable[object]) -> str:
    try:
        await work
    except LifecycleError as error:
        return error.code
    return "ok"
