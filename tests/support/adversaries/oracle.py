"""What may be deleted, worked out from the specification alone: a second opinion on everything that the product does.

It is told what was done and what was answered, never looks into the store, and shares no code with the product.
Instants are `datetime`s, everything else is text. The rules are those of sections 2, 8, 9 and 10, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

STAGES: Final = ("sandbox", "pilot", "production")
REASONS: Final = ("stage_completed", "journey_completed", "orphaned", "provision_failed", "manual")
MOVES: Final = {
    "draft": {"active", "cancelled"},
    "active": {"paused", "completed", "cancelled", "expired"},
    "paused": {"active", "completed", "cancelled", "expired"},
    "expired": {"active"},
    "completed": {"active"},
    "cancelled": {"active"},
}
LIVING: Final = ("active", "paused")
SETTLED: Final = ("ready", "validating", "failed")
GRACE: Final = timedelta(days=7)
SCAN_COUNTS: Final = timedelta(hours=26)
CLOCK_DISAGREES: Final = timedelta(hours=1)
OPEN_FOR: Final = timedelta(minutes=30)
GRANT_FOR: Final = timedelta(minutes=10)
RESTORED_FOR: Final = timedelta(days=7)
SYNC_DEADLINE: Final = timedelta(minutes=30)
SWEEPER: Final = "schedule:sweep"


@dataclass(frozen=True)
class ActorIdentity:
    """Somebody who calls; None: all clients, every scope, nobody's agent, any journey.

    `forms` tells whether their program shows questions.
    """

    subject: str
    clients: frozenset[str] | None = None
    scopes: frozenset[str] | None = None
    act: str | None = None
    journey: str | None = None
    forms: bool = False

    def can_see(self, client: str) -> bool:
        return self.clients is None or client in self.clients

    def has_scope(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes

    def can_approve(self) -> bool:
        """Only a person does: no agent by name, and nobody who acts for somebody else, now or in any other call."""
        return (
            self.act is None
            and self.subject != "journey-agent"
            and not self.subject.startswith("agent:")
            and self.has_scope("datasets:approve")
        )


@dataclass
class Journey:
    """`readable` is False while its row is damaged; `moves` counts the changes of state and stage."""

    client: str
    name: str
    stage: str
    state: str = "active"
    lease: datetime | None = None
    readable: bool = True
    moves: int = 0

    def state_at(self, now: datetime) -> str:
        lapsed = self.state == "active" and self.lease is not None and self.lease <= now
        return "expired" if lapsed else self.state

    def is_protecting(self, stage: str, now: datetime) -> bool:
        return self.stage == stage and self.state_at(now) in LIVING


@dataclass
class Dataset:
    """`version` moves with content, status and protection; `state` is also `making`, `claimed` or `gone`."""

    dataset_id: str
    name: str
    journey: Journey
    stage: str
    kind: str
    state: str
    used: datetime
    version: int = 1
    kept_until: datetime | None = None
    marked: datetime | None = None
    served: timedelta = timedelta()
    recheck_until: datetime | None = None
    syncing_since: datetime | None = None
    restored: bool = False
    former: str = ""
    reason: str = ""
    cancelled: bool = False

    @property
    def client(self) -> str:
        return self.journey.client

    @property
    def is_live(self) -> bool:
        return self.state != "gone"

    def is_kept(self, now: datetime) -> bool:
        return self.kept_until is not None and self.kept_until > now

    def generation(self, now: datetime) -> tuple[int, int, bool]:
        """What a person's word is bound to: it moves with the dataset, with its journey, and when a lease lapses."""
        return (self.version, self.journey.moves, self.journey.state_at(now) != self.journey.state)

    def current_mark(self) -> bool:
        return self.marked is not None and self.used <= self.marked


@dataclass
class ApprovalRequest:
    """A question to a person that was filed, and what became of it."""

    approval_id: str
    dataset: Dataset
    generation: tuple[int, int, bool]
    reason: str
    requester: str
    expires: datetime | None
    state: str = "open"
    grant_expires: datetime | None = None

    def state_at(self, now: datetime) -> str:
        if self.state not in {"open", "approved"}:
            return self.state
        if self.dataset.generation(now) != self.generation:
            return "void"
        until = self.expires if self.state == "open" else self.grant_expires
        return "expired" if until is not None and until <= now else self.state


@dataclass(frozen=True)
class Verdict:
    """What the product has to answer; `blocks` are all the checks that forbid, `request` the grant or question."""

    code: str
    blocks: frozenset[str] = frozenset()
    request: ApprovalRequest | None = None


GO: Final = Verdict("go")


@dataclass
class Oracle:
    """The world as the specification has it; `asks` is whether a question to the caller's program counts at sandbox."""

    asks: bool = True
    journeys: dict[tuple[str, str], Journey] = field(default_factory=dict)
    datasets: dict[str, Dataset] = field(default_factory=dict)
    requests: dict[str, ApprovalRequest] = field(default_factory=dict)
    dark: bool = False
    draining: bool = False
    last_scan: datetime | None = None
    latest_scan: datetime | None = None
    off: timedelta = timedelta()
    scanned_off: timedelta = timedelta()
    scan_doubted: bool = False

    def live_dataset(self, client: str, stage: str, kind: str) -> Dataset | None:
        """The live dataset of that place: there is one at most."""
        wanted = (client, stage, kind)
        found = [
            each
            for each in self.datasets.values()
            if each.is_live and (each.client, each.stage, each.kind) == wanted
        ]
        assert len(found) <= 1, found
        return found[0] if found else None

    # --- section 9: what forbids a teardown ---

    def expected_teardown(
        self, who: ActorIdentity, dataset_id: str, reason: str, typed: str | None, now: datetime
    ) -> Verdict:
        """What a teardown by that caller has to come to.

        `typed` is what they answer to a question, if they can; None for what a program answers by itself.
        """
        dataset = self.datasets.get(dataset_id)
        may = who.has_scope("datasets:teardown")
        if may and (dataset is None or not who.can_see(dataset.client)):
            return Verdict("unknown_dataset")
        if not may or dataset is None or who.journey not in {None, dataset.journey.name}:
            return Verdict("forbidden")
        return self._known_teardown(who, dataset, reason, typed, now)

    def _known_teardown(
        self, who: ActorIdentity, dataset: Dataset, reason: str, typed: str | None, now: datetime
    ) -> Verdict:
        if dataset.state in {"claimed", "gone"}:
            return Verdict("attached")
        if blocks := self.blocks(dataset, reason, dataset.state, now):
            return Verdict("blocked", blocks)
        if dataset.stage == "sandbox" and reason != "manual":
            return GO
        said = self.approval_state(dataset, reason, who.subject, now)
        if said.code in {"go", "declined"} or typed is None:
            return said
        if self.asks and dataset.stage == "sandbox" and who.forms and who.act is None:
            return GO if typed == dataset.name else Verdict("declined")
        return said

    def approval_state(self, dataset: Dataset, reason: str, requester: str, now: datetime) -> Verdict:
        """Whether a person has said yes to this very teardown, is being asked, or has said no."""
        for each in self.requests.values():
            bound = (each.dataset is dataset, each.generation, each.reason, each.requester)
            if bound != (True, dataset.generation(now), reason, requester):
                continue
            stands = each.state_at(now)
            if stands == "approved":
                return Verdict("go", request=each)
            if stands == "open":
                return Verdict("confirmation_required", request=each)
            if stands == "declined" and (each.expires is None or each.expires > now):
                return Verdict("declined", request=each)
        return Verdict("confirmation_required")

    def blocks(self, dataset: Dataset, reason: str, state: str, now: datetime) -> frozenset[str]:
        """Every precondition that fails, by the code it is reported with; `state` is the one before a claim."""
        journey, found = dataset.journey, set()
        if state == "making":
            found.add("provision_running")
        if state != "failed":
            if not journey.readable:
                found.add("precondition_unknown")
            elif journey.is_protecting(dataset.stage, now):
                found.add("journey_active")
        if dataset.recheck_until is not None and dataset.recheck_until > now:
            found.add("quality_checks_pending")
        if state in {"ready", "validating"}:  # the others have no connector to ask
            if self.dark:
                found.add("precondition_unknown")
            elif dataset.syncing_since is not None and now - dataset.syncing_since <= SYNC_DEADLINE:
                found.add("connector_syncing")
        if dataset.is_kept(now):
            found.add("dataset_protected")
        found |= self._is_reason_false(dataset, reason, state, now)
        return frozenset(found)

    def _is_reason_false(self, dataset: Dataset, reason: str, state: str, now: datetime) -> set[str]:
        journey = dataset.journey
        if reason == "manual":
            return set()
        if reason == "provision_failed":
            return set() if state == "failed" else {"reason_not_true"}
        if not journey.readable:
            return {"precondition_unknown"}
        true = {
            "stage_completed": STAGES.index(journey.stage) > STAGES.index(dataset.stage),
            "journey_completed": journey.state_at(now) in {"completed", "cancelled"},
            "orphaned": self.is_sweepable(dataset, state, now),
        }
        if not true[reason]:
            return {"reason_not_true"}
        return {"precondition_unknown"} if reason == "orphaned" and self.is_clock_in_doubt() else set()

    # --- section 3: a retry, which replaces content ---

    def expected_retry(self, dataset: Dataset, now: datetime) -> str:
        """Whether a retry makes it anew: `begun`, or `attached` to what is there, or the refusal's code."""
        if dataset.state not in {"failed", "validating"}:
            return "attached"
        journey = dataset.journey
        at_stage = journey.stage == dataset.stage
        past = dataset.restored and STAGES.index(journey.stage) > STAGES.index(dataset.stage)
        if not (at_stage or past):
            return "stage_mismatch"
        if journey.state_at(now) != "active":
            return "journey_not_active"
        if dataset.is_kept(now):
            return "dataset_protected"
        return "draining" if self.draining else "begun"

    # --- section 10: orphans ---

    def orphan_reason(self, dataset: Dataset, state: str, now: datetime) -> str | None:
        """Why nobody needs it; None when somebody does, or when that is not known."""
        journey = dataset.journey
        if state not in SETTLED or not journey.readable:
            return None
        stands = journey.state_at(now)
        if stands not in LIVING:
            return f"journey_{stands}"
        return "stage_passed" if STAGES.index(journey.stage) > STAGES.index(dataset.stage) else None

    def is_sweepable(self, dataset: Dataset, state: str, now: datetime) -> bool:
        """Whether it has served its grace as an orphan whose journey is over."""
        reason = self.orphan_reason(dataset, state, now)
        return reason not in {None, "stage_passed"} and dataset.current_mark() and dataset.served >= GRACE

    def is_clock_in_doubt(self) -> bool:
        """Whether the clock disagreed with the uptime at the last scan, or has come to since."""
        return self.last_scan is not None and (
            self.scan_doubted or abs(self.off - self.scanned_off) > CLOCK_DISAGREES
        )

    def scan(self, now: datetime) -> None:
        """A complete scan: what is past the latest instant of any counts, 26 hours or the true time at most."""
        passed = timedelta()
        if self.last_scan is not None and self.latest_scan is not None:
            lived = (now - self.off) - (self.last_scan - self.scanned_off)
            passed = max(min(now - self.latest_scan, lived, SCAN_COUNTS), timedelta())
            disagrees = abs(self.off - self.scanned_off) > CLOCK_DISAGREES
            self.scan_doubted = disagrees or (self.scan_doubted and lived < CLOCK_DISAGREES)
        for each in self.datasets.values():
            if each.state not in SETTLED or not each.journey.readable:
                continue
            if self.orphan_reason(each, each.state, now) is None or each.is_kept(now):
                each.marked, each.served = None, timedelta()
            elif each.current_mark():
                each.served += passed
            else:
                each.marked, each.served = now, timedelta()
        self.last_scan, self.scanned_off = now, self.off
        self.latest_scan = max(now, self.latest_scan or now)

    # --- what was done ---

    def claim(self, dataset: Dataset, reason: str, request: ApprovalRequest | None) -> None:
        """A teardown took it; a grant is used up."""
        dataset.former, dataset.reason, dataset.state = dataset.state, reason, "claimed"
        dataset.version += 1
        dataset.recheck_until, dataset.cancelled = None, False
        if request is not None:
            request.state = "used"

    def settle(self, dataset: Dataset, now: datetime) -> bool:
        """The teardown goes on to its end, or gives it back; whether it is gone. All checks are made again."""
        assert dataset.state == "claimed"
        dataset.version += 1
        if dataset.cancelled or self.blocks(dataset, dataset.reason, dataset.former, now):
            dataset.state = dataset.former
            return False
        dataset.state, dataset.marked = "gone", None
        return True

    def file_request(self, approval_id: str, dataset: Dataset, reason: str, who: str, now: datetime) -> None:
        """A question to a person was filed; a sweep's stays open."""
        assert approval_id not in self.requests
        expires = None if who == SWEEPER else now + OPEN_FOR
        self.requests[approval_id] = ApprovalRequest(
            approval_id, dataset, dataset.generation(now), reason, who, expires
        )

    def answer_request(
        self, who: ActorIdentity, approval_id: str, *, yes: bool, typed: str, now: datetime
    ) -> str:
        """What a person's answer has to come to; `ok` is also carried out here."""
        request = self.requests.get(approval_id)
        if request is None or not who.can_see(request.dataset.client):
            return "unknown_approval"
        refusals = {
            "forbidden": not who.can_approve(),
            "approval_closed": request.state_at(now) != "open",
            "invalid_argument": yes and typed != request.dataset.name,
        }
        if yes and request.requester == who.subject and not refusals["approval_closed"]:
            return "forbidden"
        if code := next((code for code, applies in refusals.items() if applies), None):
            return code
        request.state, request.grant_expires = ("approved", now + GRANT_FOR) if yes else ("declined", None)
        return "ok"

    def protect(self, dataset: Dataset, until: datetime | None, now: datetime) -> None:
        """Somebody protected it (a sign of use), or a person ended the protection."""
        if until is not None:
            dataset.used, dataset.marked, dataset.served = now, None, timedelta()
        elif not dataset.is_kept(now):
            return
        dataset.version += until != dataset.kept_until
        dataset.kept_until = until

    def move_journey(self, journey: Journey, now: datetime, *, state: str = "", stage: str = "") -> bool:
        """Move a journey; whether the table allows it. To be protected again is a use of a dataset."""
        stands, before = journey.state_at(now), journey.is_protecting(journey.stage, now)
        if not journey.readable or (state and state != stands and state not in MOVES[stands]):
            return False
        if stage and STAGES.index(stage) < STAGES.index(journey.stage):
            return False
        was = journey.stage
        journey.state, journey.stage = state or journey.state, stage or journey.stage
        if state and journey.state_at(now) != state:
            journey.lease = None
        journey.moves += (journey.state_at(now), journey.stage) != (stands, was)
        if journey.is_protecting(journey.stage, now) and not (before and journey.stage == was):
            self._record_use(journey, now)
        return True

    def renew_lease(self, journey: Journey, until: datetime, now: datetime, *, person: bool) -> str:
        """A longer lease; only a person gives a shorter one, or one to a journey that has none."""
        if not journey.readable:
            return "precondition_unknown"
        if journey.state_at(now) != "active":
            return "journey_not_active"
        if not person and (journey.lease is None or until < journey.lease):
            return "forbidden"
        journey.lease = until
        self._record_use(journey, now)
        return "ok"

    def _record_use(self, journey: Journey, now: datetime) -> None:
        for each in self.datasets.values():
            if each.is_live and each.journey is journey and each.stage == journey.stage:
                each.used, each.marked, each.served = now, None, timedelta()
