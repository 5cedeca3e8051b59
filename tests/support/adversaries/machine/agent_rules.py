"""The rules by which agents move."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.support.adversaries.actors import AGENTS, DELEGATE, HASTY
from tests.support.adversaries.arena import ERAS, JOURNEYS, KINDS
from tests.support.adversaries.attempts import SentCall
from tests.support.adversaries.literal_agent import next_calls
from tests.support.adversaries.machine.base import (
    SPANS,
    WorldRules,
    agents,
    eras,
    hosts,
    hows,
    pick_one,
    picks,
    places,
    reasons,
    spans,
)
from tests.support.adversaries.oracle import REASONS, SETTLED
from tests.support.adversaries.tenant_probes import check_listing, check_probe, make_probe

if TYPE_CHECKING:
    from datetime import timedelta

    from tests.support.adversaries.oracle import ActorIdentity

stages: Final = st.sampled_from(["sandbox", "sandbox", "pilot", "production"])


class AgentRules(WorldRules):
    """What they do to get datasets, and to be rid of them."""

    @initialize(stages=st.tuples(*[stages] * 3), over=st.tuples(*[st.booleans()] * 3))
    def begin(self, stages: tuple[str, ...], over: tuple[bool, ...]) -> None:
        self.run(
            self.world.actors[DELEGATE].call, "list_orphans", {}, ERAS[1]
        )  # who acts for whom is known from here
        for place, stage, ended in zip(JOURNEYS, stages, over, strict=True):
            self.move_journey(place, stage=stage)
            for kind in KINDS if ended else KINDS[:1]:
                self.provision(HASTY, place, kind, retry=False, era=ERAS[1])
            if ended:
                self.move_journey(place, state="completed")

    @precondition(lambda self: not self.switches.platform_down)
    @rule(who=agents, place=places, kind=st.sampled_from(KINDS), retry=st.booleans(), era=eras, host=hosts)
    def provision(
        self,
        who: ActorIdentity,
        place: tuple[str, str],
        kind: str,
        *,
        retry: bool,
        era: str,
        host: str = "faithful",
    ) -> None:
        self.run(
            self.world.provision, who, self.oracle.journeys[place], kind, retry=retry, era=era, host=host
        )

    @precondition(lambda self: self.datasets_in())
    @rule(pick=picks, who=agents, reason=reasons, how=hows, era=eras, host=hosts)
    def tear_down(self, pick: int, who: ActorIdentity, reason: str, how: str, era: str, host: str) -> None:
        sent = self.call_teardown(who, pick_one(pick, self.datasets_in()), reason, how, era)
        self.run(self.world.tear_down, replace(sent, host=host))

    @precondition(lambda self: self.datasets_in(*SETTLED))
    @rule(several=st.lists(st.tuples(picks, agents, eras), min_size=1, max_size=4))
    def tear_down_what_is_over(self, several: list[tuple[int, ActorIdentity, str]]) -> None:
        for pick, who, era in several:
            known = [(each, reason) for each in self.datasets_in(*SETTLED) for reason in REASONS]
            calls = [self.call_teardown(who, dataset, reason, "name", era) for dataset, reason in known]
            near = [each for each in calls if self.world.expected_verdict(each).code == "go"]
            near = near or [
                each for each in calls if self.world.expected_verdict(each).code == "confirmation_required"
            ]
            if calls:
                self.run(self.world.tear_down, pick_one(pick, near or calls))

    @precondition(lambda self: self.requests("approved"))
    @rule(pick=picks, who=agents, era=eras, same=st.sampled_from([True, True, True, False]))
    def call_again_after_a_yes(self, pick: int, who: ActorIdentity, era: str, *, same: bool) -> None:
        request = pick_one(pick, self.requests("approved"))
        asked = [each for each in AGENTS if each.subject == request.requester]
        again = asked[0] if same and asked else who
        self.run(
            self.world.tear_down, self.call_teardown(again, request.dataset, request.reason, "name", era)
        )

    @precondition(lambda self: self.datasets_in())
    @rule(
        pick=picks,
        who=agents,
        reason=reasons,
        how=hows,
        era=eras,
        more=st.lists(picks, min_size=6, max_size=12),
    )
    def hurry(self, pick: int, who: ActorIdentity, reason: str, how: str, era: str, more: list[int]) -> None:
        call = self.call_teardown(who, pick_one(pick, self.datasets_in()), reason, how, era)
        reply = self.run(self.world.tear_down, call)
        if reply.error is None:
            return
        tries = list(next_calls(call.arguments, reply.error))
        for each in more:
            self.run(self.world.tear_down, SentCall(who, pick_one(each, tries), how, era))

    @precondition(lambda self: self.world.sent)
    @rule(pick=picks, who=st.none() | agents)
    def replay(self, pick: int, who: ActorIdentity | None) -> None:
        sent = pick_one(pick, self.world.sent)
        self.run(self.world.tear_down, SentCall(who or sent.who, sent.arguments, sent.how, sent.era))

    @precondition(lambda self: self.datasets_in())
    @rule(pick=picks, who=agents.filter(lambda who: who.forms))
    def leave_a_question_open(self, pick: int, who: ActorIdentity) -> None:
        given = {"dataset_id": pick_one(pick, self.datasets_in()).dataset_id, "reason": "manual", "wait_s": 0}
        self.run(self.world.open_question, SentCall(who, given, "name", ERAS[1]))

    @precondition(lambda self: self.world.questions)
    @rule(pick=picks, who=st.none() | agents, how=hows)
    def answer_late(self, pick: int, who: ActorIdentity | None, how: str) -> None:
        question = pick_one(pick, self.world.questions)
        self.run(self.world.answer_question, who or question.sent.who, question, how)

    @precondition(lambda self: self.is_undisturbed and self.datasets_in("gone"))
    @rule(pick=picks, who=agents, place=places, era=eras)
    def restore(self, pick: int, who: ActorIdentity, place: tuple[str, str], era: str) -> None:
        self.run(
            self.world.restore,
            who,
            pick_one(pick, self.datasets_in("gone")),
            self.oracle.journeys[place],
            era,
        )

    @precondition(lambda self: self.datasets_in())
    @rule(pick=picks, who=agents, span=st.sampled_from(SPANS[:3]), era=eras)
    def protect_and_retry(self, pick: int, who: ActorIdentity, span: timedelta, era: str) -> None:
        dataset = pick_one(pick, self.datasets_in())
        self.run(self.world.protect, who, dataset, self.now() + span, era)
        if not self.switches.platform_down:
            self.run(self.world.provision, HASTY, dataset.journey, dataset.kind, retry=True, era=era)

    @rule(who=agents, place=places, span=spans, era=eras)
    def renew(self, who: ActorIdentity, place: tuple[str, str], span: timedelta, era: str) -> None:
        self.run(self.world.renew, who, self.oracle.journeys[place], span, era)

    @rule(seeds=st.lists(picks, min_size=2, max_size=6), era=eras)
    def look_at_anothers_things(self, seeds: list[int], era: str) -> None:
        for seed in seeds:
            self.run(check_probe, self.world, make_probe(self.world, Random(seed)), era)

    @precondition(lambda self: not self.switches.platform_down)
    @rule(limit=st.integers(1, 3), era=eras)
    def list_everything(self, limit: int, era: str) -> None:
        self.run(check_listing, self.world, limit, era)
