"""Over everything that an approval could be used for: only what was approved passes, once, and in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import ConfirmationRequiredError
from domain.model.approval import ApprovalItem, ApprovalState
from domain.model.enums import TeardownReason, Waiver
from domain.model.principal import Principal
from domain.policy.approvals import (
    GRANT_FOR,
    LIST_GRANT_FOR,
    SWEEP_SUBJECT,
    approval_confirmation,
    approval_with_grant,
    current_approval,
    is_approval_visible,
    spend_grant,
)
from tests.support.entities import DATASET, NOW, approval

if TYPE_CHECKING:
    from domain.model.approval import Approval
    from domain.model.dataset import Dataset
    from domain.ports import UnitOfWork


class SingleApprovalStore:
    """The one request that a store holds, and the dataset that a claim is about."""

    def __init__(self, held: Approval | None) -> None:
        self.held = held
        self.about = DATASET
        self.approvals = SimpleNamespace(get=self.get_approval, put=self.put_approval)
        self.datasets = SimpleNamespace(get=self.get_dataset)

    def get_approval(self, approval_id: str) -> Approval | None:
        return self.held if self.held and self.held.approval_id == approval_id else None

    def get_dataset(self, dataset_id: str) -> Dataset | None:
        return self.about if self.about.dataset_id == dataset_id else None

    def put_approval(self, changed: Approval) -> None:
        self.held = changed


def is_accepted(kept: SingleApprovalStore, **changes: Any) -> bool:
    """Whether a claim with these facts passes."""
    facts: dict[str, Any] = {
        "dataset": DATASET,
        "reason": TeardownReason.MANUAL,
        "principal": Principal(subject="agent:kim"),
        "now": NOW,
        "confirmation": approval_confirmation(approval_with_grant(approval(), "person:lee", NOW)),
    } | changes
    kept.about = facts["dataset"]
    try:
        spend_grant(cast("UnitOfWork", kept), **facts)
    except ConfirmationRequiredError:
        return False
    return True


@example(
    state=ApprovalState.APPROVED,
    dataset_id=DATASET.dataset_id,
    generation=DATASET.generation,
    reason=TeardownReason.MANUAL,
    requester="agent:kim",
    approval_id="ap-000001",
    late=-1,
    waiver=Waiver.ABANDON_CONNECTOR,
)
@given(
    state=st.sampled_from([*ApprovalState, None]),
    dataset_id=st.sampled_from([DATASET.dataset_id, "other"]),
    generation=st.integers(1, 3),
    reason=st.sampled_from(TeardownReason),
    requester=st.sampled_from(["agent:kim", "agent:lee", "person:kim"]),
    approval_id=st.sampled_from(["ap-000001", "ap-000002", None]),
    waiver=st.sampled_from(Waiver),
    late=st.integers(-700, 700),
)
def test_a_grant_passes_for_what_was_approved_alone_and_once(
    state: ApprovalState | None,
    dataset_id: str,
    generation: int,
    reason: TeardownReason,
    requester: str,
    approval_id: str | None,
    waiver: Waiver,
    late: int,
) -> None:
    held = approval_with_grant(approval(concession=waiver), "person:lee", NOW)
    kept = SingleApprovalStore(None if state is None else replace(held, state=state))
    changes: dict[str, Any] = {
        "dataset": replace(DATASET, dataset_id=dataset_id, generation=generation),
        "reason": reason,
        "principal": Principal(subject=requester),
        "now": NOW + GRANT_FOR + timedelta(seconds=late),
        "confirmation": replace(approval_confirmation(held), approval_id=approval_id),
        "waiver": Waiver.ABANDON_CONNECTOR,
    }
    meant = (DATASET.dataset_id, DATASET.generation, TeardownReason.MANUAL, "agent:kim", "ap-000001")
    good = (
        state is ApprovalState.APPROVED
        and (dataset_id, generation, reason, requester, approval_id) == meant
        and waiver is Waiver.ABANDON_CONNECTOR
        and late < 0
    )

    assert is_accepted(kept, **changes) is good
    assert not is_accepted(kept, **changes)
    assert good is (
        kept.held is not None and kept.held.state is ApprovalState.USED and state is not kept.held.state
    )


def test_the_usual_case_passes_and_another_kind_of_confirmation_is_not_looked_up() -> None:
    kept = SingleApprovalStore(approval_with_grant(approval(), "person:lee", NOW))
    assert is_accepted(kept)
    assert is_accepted(SingleApprovalStore(None), confirmation=None)
    typed = replace(
        approval_confirmation(approval_with_grant(approval(), "person:lee", NOW)), how="typed_name"
    )
    assert is_accepted(SingleApprovalStore(None), confirmation=typed)


class DatasetGenerationsStore(SingleApprovalStore):
    """A request, and datasets at their generations."""

    def __init__(self, held: Approval, generations: dict[str, int]) -> None:
        super().__init__(held)
        self.generations = generations

    def get_dataset(self, dataset_id: str) -> Dataset | None:
        at = self.generations.get(dataset_id)
        return None if at is None else replace(DATASET, dataset_id=dataset_id, generation=at)


LISTED = tuple(
    ApprovalItem(dataset_id=dataset_id, name=dataset_id.upper(), client_id=client_id, generation=generation)
    for dataset_id, client_id, generation in (("d1", "acme", 1), ("d2", "acme", 4), ("d3", "globex", 2))
)
LIST = approval(
    dataset_id="",
    client_id="",
    generation=0,
    requester=SWEEP_SUBJECT,
    expires_at=None,
    listed=LISTED,
    shown={},
)


@given(
    state=st.sampled_from(ApprovalState),
    tries=st.lists(st.tuples(st.sampled_from(["d1", "d2", "d3", "d4"]), st.integers(1, 4)), max_size=12),
    requester=st.sampled_from([SWEEP_SUBJECT, "person:lee"]),
    waiver=st.sampled_from(Waiver),
    late=st.integers(-90_000, 90_000),
)
@example(  # drawn seldom: all that is needed, then each grant once more, at another generation, and of another dataset
    state=ApprovalState.APPROVED,
    tries=[("d1", 1), ("d1", 1), ("d2", 3), ("d2", 4), ("d3", 2), ("d4", 1)],
    requester=SWEEP_SUBJECT,
    waiver=Waiver.NONE,
    late=-1,
)
def test_a_list_gives_one_grant_to_each_that_it_names_at_its_generation_and_none_to_anything_else(
    state: ApprovalState,
    tries: list[tuple[str, int]],
    requester: str,
    waiver: Waiver,
    late: int,
) -> None:
    held = approval_with_grant(LIST, "person:lee", NOW)
    kept = DatasetGenerationsStore(
        replace(held, state=state), {each.dataset_id: each.generation for each in LISTED}
    )
    named = {(each.dataset_id, each.generation) for each in LISTED}
    used: set[tuple[str, int]] = set()
    for dataset_id, generation in tries:
        one = ApprovalItem(dataset_id=dataset_id, name="", client_id="", generation=generation)
        try:
            spend_grant(
                cast("UnitOfWork", kept),
                approval_confirmation(held, one),
                replace(DATASET, dataset_id=dataset_id, generation=generation),
                TeardownReason.MANUAL,
                Principal(subject=requester),
                NOW + LIST_GRANT_FOR + timedelta(seconds=late),
                waiver,
            )
            passed = True
        except ConfirmationRequiredError:
            passed = False
        what = (dataset_id, generation)
        good = (state, requester, waiver) == (ApprovalState.APPROVED, SWEEP_SUBJECT, Waiver.NONE)
        assert passed is (good and late < 0 and what in named - used)
        used |= {what} if passed else set()
    assert kept.held is not None
    assert {(each.dataset_id, each.generation) for each in kept.held.listed if each.spent} == used


@given(
    state=st.sampled_from(ApprovalState),
    generations=st.dictionaries(st.sampled_from(["d1", "d2", "d3"]), st.integers(1, 4)),
    spent=st.sets(st.sampled_from(["d1", "d2", "d3"])),
)
def test_a_list_stands_while_something_of_it_is_as_it_was(
    state: ApprovalState, generations: dict[str, int], spent: set[str]
) -> None:
    listed = tuple(replace(each, spent=each.dataset_id in spent) for each in LISTED)
    held = replace(LIST, listed=listed, state=state)
    left = any(
        generations.get(each.dataset_id) == each.generation for each in LISTED if each.dataset_id not in spent
    )
    over = {ApprovalState.OPEN: ApprovalState.VOID, ApprovalState.APPROVED: ApprovalState.USED}
    stands = current_approval(cast("UnitOfWork", DatasetGenerationsStore(held, generations)), held, NOW)
    assert stands.state is (state if left else over.get(state, state))


def test_a_list_is_seen_by_those_who_may_touch_every_client_of_it() -> None:
    for clients, seen in ((None, True), ({"acme", "globex"}, True), ({"acme"}, False), (set[str](), False)):
        principal = Principal(subject="lee", clients=None if clients is None else frozenset(clients))
        assert is_approval_visible(LIST, principal) is seen
    assert LIST.phrase == "take down 3 datasets"
    assert (approval().phrase, approval().clients) == (DATASET.name, frozenset({DATASET.client_id}))


def test_each_of_a_list_is_used_once_and_the_last_ends_it() -> None:
    held = approval_with_grant(LIST, "person:lee", NOW)
    kept = DatasetGenerationsStore(held, {each.dataset_id: each.generation for each in LISTED})

    def claim(one: ApprovalItem) -> bool:
        about = replace(DATASET, dataset_id=one.dataset_id, generation=one.generation)
        facts = {
            "dataset": about,
            "principal": Principal(subject=SWEEP_SUBJECT),
            "confirmation": approval_confirmation(held, one),
        }
        try:
            spend_grant(cast("UnitOfWork", kept), reason=TeardownReason.MANUAL, now=NOW, **facts)  # type: ignore[arg-type]
        except ConfirmationRequiredError:
            return False
        return True

    assert not claim(replace(LISTED[0], generation=9))
    assert not claim(replace(LISTED[0], dataset_id="d4"))
    assert [claim(each) for each in (*LISTED, *LISTED)] == [True] * 3 + [False] * 3
    assert kept.held is not None
    assert current_approval(cast("UnitOfWork", kept), kept.held, NOW).state is ApprovalState.USED
