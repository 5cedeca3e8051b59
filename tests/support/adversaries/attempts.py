"""What somebody attempts, compared with what the oracle says of it, and the oracle told of what was done."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from mcp_types import InputRequiredResult

from domain.errors import LifecycleError
from domain.governance.approvals import execute_approved_teardown
from tests.support.adversaries.actors import MINE, THEIRS, ToolReply, principal
from tests.support.adversaries.oracle import (
    REASONS,
    RESTORED_FOR,
    SWEEPER,
    ActorIdentity,
    Dataset,
    Oracle,
    Verdict,
)
from tests.support.polling import wait_for

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from tests.support.adversaries.actors import McpActor
    from tests.support.adversaries.arena import Installation
    from tests.support.adversaries.oracle import Journey
    from tests.support.adversaries.run_statistics import RunStatistics

ARGUMENTS: Final = {
    "teardown_dataset": {"dataset_id", "reason", "wait_s"},
    "restore_dataset": {"dataset_id", "journey_id", "wait_s"},
}
STATUS: Final = {"making": "provisioning", "claimed": "teardown", "gone": "archived"}
"""How the product calls what the oracle calls so; the others have one name."""


@dataclass(frozen=True)
class SentCall:
    """A call as it was made, to be made again."""

    who: ActorIdentity
    arguments: dict[str, Any]
    how: str
    era: str
    host: str = "faithful"


@dataclass(frozen=True)
class OpenQuestion:
    """A question that was shown and not answered, with the dataset as it was then."""

    sent: SentCall
    asked: InputRequiredResult
    dataset: Dataset
    generation: tuple[int, int, bool]


@dataclass
class CheckedCalls:
    """One world, the oracle beside it, and what was attempted so far."""

    arena: Installation
    actors: dict[ActorIdentity, McpActor]
    figures: RunStatistics
    oracle: Oracle = field(default_factory=Oracle)
    sent: list[SentCall] = field(default_factory=list)
    questions: list[OpenQuestion] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    attempted: int = 0

    # --- teardown ---

    async def tear_down(self, sent: SentCall) -> ToolReply:
        """Call `teardown_dataset`, and hold the answer against the oracle."""
        self.sent.append(sent)
        if self.arena.switches.archiving:  # nobody waits at a gate that is shut
            sent = replace(sent, arguments=sent.arguments | {"wait_s": 0})
        actor = self.actors[sent.who]
        actor.answers.how = sent.how
        verdict = self.expected_verdict(sent)
        reply = await actor.call("teardown_dataset", sent.arguments, sent.era, sent.host)
        await self.check_reply(sent, verdict, reply)
        return reply

    async def open_question(self, sent: SentCall) -> None:
        """Call, and leave the question open that comes back."""
        verdict = self.expected_verdict(sent)
        found = await self.actors[sent.who].open_question("teardown_dataset", sent.arguments)
        if not isinstance(found, InputRequiredResult):
            assert verdict.code != "declined" or verdict.request, "nobody was asked"
            await self.check_reply(sent, verdict, found)
            return
        self.count_call("asked")
        dataset = self.oracle.datasets[sent.arguments["dataset_id"]]
        assert (self.oracle.asks, dataset.stage, sent.arguments["reason"]) == (True, "sandbox", "manual")
        assert sent.who.act is None
        self.questions.append(OpenQuestion(sent, found, dataset, dataset.generation(self.arena.now())))

    async def answer_question(self, who: ActorIdentity, question: OpenQuestion, how: str) -> None:
        """Answer a question that was left open, as somebody, after whatever has happened."""
        actor = self.actors[who]
        actor.answers.how = how
        sent = SentCall(who, question.sent.arguments, how, question.sent.era)
        answer = actor.answers.answer(f"Take down {question.dataset.name}?")
        verdict = self.expected_verdict(sent)
        found = await actor.answer_question("teardown_dataset", sent.arguments, question.asked, answer)
        if isinstance(found, InputRequiredResult):  # asked anew, for what was shown is no longer so
            now = question.dataset.generation(self.arena.now())
            assert (who, question.generation) != (question.sent.who, now)
            self.count_call("asked")
            return
        if found.error is not None and found.error.get("how") == "elicitation":
            assert who != question.sent.who, found.text  # a question is answered by whom it was asked
            self.check_answer(who, sent.arguments, found)
            return
        asked = question.sent.who
        same = (who.subject, who.act, who.journey) == (asked.subject, asked.act, asked.journey)
        assert same or verdict.code == "forbidden"
        await self.check_reply(sent, verdict, found)

    def expected_verdict(self, sent: SentCall) -> Verdict:
        """What the oracle says of that call."""
        who, given = sent.who, sent.arguments
        if not who.has_scope("datasets:teardown"):
            return Verdict("forbidden")
        dataset_id, reason = str(given["dataset_id"]), given["reason"]
        spelt = dataset_id.replace("-", "").replace("_", "").replace(".", "")
        if (
            set(given) - ARGUMENTS["teardown_dataset"]
            or reason not in REASONS
            or not (spelt.isascii() and spelt.isalnum())
        ):
            return Verdict("invalid_argument")
        dataset = self.oracle.datasets.get(dataset_id)
        typed = self.actors[who].answers.typed_name(dataset.name) if dataset else None
        return self.oracle.expected_teardown(who, dataset_id, reason, typed, self.arena.now())

    async def check_reply(self, sent: SentCall, verdict: Verdict, reply: ToolReply) -> None:
        """Hold an answer against the verdict, and keep what it changed."""
        self.check_answer(sent.who, sent.arguments, reply)
        told = (sent, verdict, reply.text)
        dataset = self.oracle.datasets.get(str(sent.arguments["dataset_id"]))
        if verdict.code == "blocked":
            assert reply.error is not None, told
            blocks = {each["check"] for each in reply.error["blocking_checks"]}
            if "provision_running" in verdict.blocks:
                blocks -= {"connector_syncing"} - verdict.blocks  # which step it is at is the saga's own time
            assert blocks == verdict.blocks, told
            assert reply.code in verdict.blocks, told
        elif verdict.code in {"go", "attached"}:
            assert reply.body is not None, told
            assert dataset is not None
            if verdict.code == "go":
                await self.record_claim(dataset, sent.arguments["reason"], verdict)
            soon = {"teardown"} if sent.arguments["wait_s"] == 0 else set()
            assert reply.body["status"] in soon | {STATUS[dataset.state]}, told
            assert reply.body["client_id"] == dataset.client
        else:
            assert reply.code == verdict.code, told
            if verdict.code == "confirmation_required":
                assert dataset is not None
                self._record_question(sent.who, dataset, sent.arguments["reason"], verdict, reply)

    async def record_claim(self, dataset: Dataset, reason: str, verdict: Verdict) -> None:
        """A teardown has begun; unless the gate is shut it comes to its end at once."""
        self.oracle.claim(dataset, reason, verdict.request)
        if self.arena.switches.archiving:
            claimed = [each for each in self.oracle.datasets.values() if each.state == "claimed"]
            await wait_for(lambda: self.arena.switches.held >= len(claimed))
        else:
            await self.arena.services.sagas.wait(dataset.dataset_id, None)
            self.finish_teardown(dataset)

    def finish_teardown(self, dataset: Dataset) -> None:
        """The teardown is over, one way or the other."""
        gone = self.oracle.settle(dataset, self.arena.now())
        self.figures.deletions += gone
        self.figures.given_back += not gone

    def _record_question(
        self, who: ActorIdentity, dataset: Dataset, reason: str, verdict: Verdict, reply: ToolReply
    ) -> None:
        assert reply.error is not None
        assert reply.error["how"] == "approval", reply.text
        approval_id = str(reply.error["approval_id"])
        if verdict.request is not None:
            assert approval_id == verdict.request.approval_id
            return
        self.oracle.file_request(approval_id, dataset, reason, who.subject, self.arena.now())

    # --- other calls ---

    async def provision(
        self,
        who: ActorIdentity,
        journey: Journey,
        kind: str,
        *,
        retry: bool,
        era: str,
        host: str = "faithful",
    ) -> None:
        """Call `provision_dataset`; a retry replaces content, so the oracle has its say."""
        now, held = self.arena.now(), self.arena.switches.populating is not None
        given = {
            "client_id": journey.client,
            "journey_id": journey.name,
            "stage": journey.stage,
            "dataset_type": kind,
            "retry": retry,
            "wait_s": 0 if held else 50,
        }
        live = self.oracle.live_dataset(journey.client, journey.stage, kind)
        reply = await self.actors[who].call("provision_dataset", given, era, host)
        self.check_answer(who, given, reply)
        answer = reply.body or reply.error or {}
        may = who.has_scope("datasets:provision") and who.can_see(journey.client)
        if not may or who.journey not in {None, journey.name}:
            assert reply.code in {"forbidden", "unknown_client", "unknown_journey"}
            return
        if live is None:
            if reply.body is None and "dataset_id" not in answer:
                return
            assert not self.oracle.draining
            assert journey.state_at(now) == "active"
            self._record_provision(answer, journey, kind, held=held, failed=reply.body is None)
            return
        begins = retry and live.journey is journey and self.oracle.expected_retry(live, now)
        if begins and live.state not in {"making", "claimed"} and journey.readable:
            expected = {"begun": {"ok", "provision_failed"}, "attached": {"ok", "provision_failed"}}
            assert reply.code in expected.get(begins, {begins}), (begins, reply.text)
            if begins == "begun":
                self._record_retry(live, kind, held=held, failed=reply.body is None)

    def _record_provision(
        self, answer: dict[str, Any], journey: Journey, kind: str, *, held: bool, failed: bool
    ) -> None:
        made = Dataset(
            dataset_id=answer["dataset_id"],
            name=f"{journey.client.upper()}-{journey.stage.title()}-{kind.partition('_')[0].title()}",
            journey=journey,
            stage=journey.stage,
            kind=kind,
            state="failed" if failed else "making" if held else answer["status"],
            used=self.arena.now(),
        )
        assert made.dataset_id not in self.oracle.datasets
        self.oracle.datasets[made.dataset_id] = made

    def _record_retry(self, live: Dataset, kind: str, *, held: bool, failed: bool) -> None:
        live.version += 1
        live.used = self.arena.now()
        live.former = live.state
        # A new attempt makes a new verdict: nothing pending survives the content that it was about.
        live.recheck_until = None
        if held:
            live.state = "making"
        elif not failed:
            self.finish_provision(live, "validating" if kind == "slack_messages" else "ready")

    def finish_provision(self, dataset: Dataset, state: str) -> None:
        """An attempt has come to its end; what is restored is protected from then on."""
        dataset.state = state
        dataset.version += 1
        if dataset.restored and state != "failed":
            dataset.kept_until = self.arena.now() + RESTORED_FOR

    async def restore(self, who: ActorIdentity, source: Dataset, journey: Journey, era: str) -> None:
        """Call `restore_dataset`; what comes back is protected for a week."""
        given = {"dataset_id": source.dataset_id, "journey_id": journey.name, "wait_s": 50}
        reply = await self.actors[who].call("restore_dataset", given, era)
        self.check_answer(who, given, reply)
        if reply.body is None or reply.body["dataset_id"] in self.oracle.datasets:
            return
        assert who.has_scope("datasets:provision")
        assert who.can_see(source.client)
        assert not self.oracle.draining
        mine = self.oracle.journeys[source.client, journey.name]
        now = self.arena.now()
        assert mine.state_at(now) == "active"
        self.oracle.datasets[reply.body["dataset_id"]] = Dataset(
            dataset_id=reply.body["dataset_id"],
            name=source.name,
            journey=mine,
            stage=source.stage,
            kind=source.kind,
            state=reply.body["status"],
            used=now,
            kept_until=now + RESTORED_FOR,
            restored=True,
        )

    async def protect(self, who: ActorIdentity, dataset: Dataset, until: datetime, era: str) -> None:
        """Call `protect_dataset`; no agent makes a protection shorter."""
        given = {"dataset_id": dataset.dataset_id, "until": until.isoformat()}
        reply = await self.actors[who].call("protect_dataset", given, era)
        self.check_answer(who, given, reply)
        if reply.body is None:
            return
        now = self.arena.now()
        assert who.has_scope("datasets:provision")
        assert who.can_see(dataset.client)
        assert not dataset.is_kept(now) or dataset.kept_until is None or dataset.kept_until <= until
        self.oracle.protect(dataset, until, now)

    async def renew(self, who: ActorIdentity, journey: Journey, span: timedelta, era: str) -> None:
        """Call `renew_journey_lease`; no agent makes a lease shorter."""
        minutes = int(span.total_seconds() // 60)
        given = {"journey_id": journey.name, "client_id": journey.client, "duration": f"{minutes}m"}
        reply = await self.actors[who].call("renew_journey_lease", given, era)
        self.check_answer(who, given, reply)
        may = who.has_scope("datasets:provision") and who.can_see(journey.client)
        if not may or who.journey not in {None, journey.name}:
            assert reply.code in {"forbidden", "unknown_client", "unknown_journey"}
            return
        now = self.arena.now()
        assert reply.code == self.oracle.renew_lease(journey, now + span, now, person=False), reply.text

    async def carry_out(self, approval_id: str) -> None:
        """What a sweep asked for and a person approved is done at once, for the sweep."""
        request = self.oracle.requests[approval_id]
        held = await self.arena.services.approvals.load(approval_id, principal(ActorIdentity("kim")))
        verdict = self.oracle.expected_teardown(
            ActorIdentity(SWEEPER), request.dataset.dataset_id, "orphaned", None, self.arena.now()
        )
        try:
            begun = await execute_approved_teardown(
                self.arena.services.teardowns, held, principal(ActorIdentity("kim"))
            )
        except LifecycleError as error:
            code = "blocked" if error.blocking else error.code
        else:
            code = "go" if begun.dataset.teardown else "attached"
        assert code == verdict.code
        if code == "go":
            await self.record_claim(request.dataset, "orphaned", verdict)

    # --- what must hold of everything ---

    def check_answer(self, who: ActorIdentity, given: object, reply: ToolReply) -> None:
        """An answer came: it counts, it tells nothing of others, and a refusal names its entry."""
        self.count_call(reply.code)
        self.check_no_leak(who, given, reply.text)
        if reply.error is not None:
            self.refused.add(reply.error["audit_id"])

    def count_call(self, code: str) -> None:
        """One call more, and what was answered."""
        self.attempted += 1
        self.figures.calls += 1
        self.figures.answers[code] += 1

    async def check_audit_log(self) -> None:
        """Every call that was made has its entry in the audit log, under an id of its own."""
        calls = await self.arena.load_audit_ids()
        assert self.refused <= set(calls)
        assert len(calls) >= self.attempted
        self.figures.audited += len(calls)

    def check_no_leak(self, who: ActorIdentity, given: object, text: str) -> None:
        """Nothing in what one tenant is told is about the other, but what they said themselves."""
        if who.can_see(THEIRS):
            return
        self.figures.probes += 1
        for value in sorted(_argument_texts(given), key=len, reverse=True):
            text = text.replace(json.dumps(value)[1:-1], "…").replace(value, "…")
        secrets = [THEIRS, "beech-way", *self._foreign_names()]
        found = [each for each in secrets if each.casefold() in text.casefold()]
        self.figures.leaks += len(found)
        assert found == [], text

    def _foreign_names(self) -> list[str]:
        return [each.approval_id for each in self.oracle.requests.values() if each.dataset.client != MINE]


def _argument_texts(given: object) -> list[str]:
    if isinstance(given, dict):
        return [text for each in given.values() for text in _argument_texts(each)]
    return [given] if isinstance(given, str) and given else []
