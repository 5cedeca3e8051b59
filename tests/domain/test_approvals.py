"""Over everything that an approval could be used for: only what was approved passes, once, and in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from hypothesis import given
from hypothesis import strategies as st

from domain.approvals import GRANT_FOR, confirmation, granted, spend
from domain.errors import ConfirmationRequiredError
from domain.model import TeardownReason
from domain.requests import ApprovalState
from tests.entities import DATASET, NOW, approval

if TYPE_CHECKING:
    from domain.records import Records
    from domain.requests import Approval


class Kept:
    """The one request that a store holds."""

    def __init__(self, held: Approval | None) -> None:
        self.held = held

    def approval(self, approval_id: str) -> Approval | None:
        return self.held if self.held and self.held.approval_id == approval_id else None

    def put_approval(self, changed: Approval) -> None:
        self.held = changed


def spent(kept: Kept, **changes: Any) -> bool:
    """Whether a claim with these facts passes."""
    facts: dict[str, Any] = {
        "dataset": DATASET,
        "reason": TeardownReason.MANUAL,
        "requester": "agent:kim",
        "now": NOW,
        "given": confirmation(granted(approval(), "person:lee", NOW)),
    } | changes
    try:
        spend(cast("Records", kept), **facts)
    except ConfirmationRequiredError:
        return False
    return True


@given(
    state=st.sampled_from([*ApprovalState, None]),
    dataset_id=st.sampled_from([DATASET.dataset_id, "other"]),
    generation=st.integers(1, 3),
    reason=st.sampled_from(TeardownReason),
    requester=st.sampled_from(["agent:kim", "agent:lee", "person:kim"]),
    approval_id=st.sampled_from(["ap-000001", "ap-000002", None]),
    late=st.integers(-700, 700),
)
def test_a_grant_passes_for_what_was_approved_alone_and_once(
    state: ApprovalState | None,
    dataset_id: str,
    generation: int,
    reason: TeardownReason,
    requester: str,
    approval_id: str | None,
    late: int,
) -> None:
    held = granted(approval(), "person:lee", NOW)
    kept = Kept(None if state is None else replace(held, state=state))
    changes: dict[str, Any] = {
        "dataset": replace(DATASET, dataset_id=dataset_id, generation=generation),
        "reason": reason,
        "requester": requester,
        "now": NOW + GRANT_FOR + timedelta(seconds=late),
        "given": replace(confirmation(held), approval_id=approval_id),
    }
    meant = (DATASET.dataset_id, DATASET.generation, TeardownReason.MANUAL, "agent:kim", "ap-000001")
    good = (
        state is ApprovalState.APPROVED
        and (dataset_id, generation, reason, requester, approval_id) == meant
        and late < 0
    )

    assert spent(kept, **changes) is good
    assert not spent(kept, **changes)
    assert good is (
        kept.held is not None and kept.held.state is ApprovalState.USED and state is not kept.held.state
    )


def test_the_usual_case_passes_and_another_kind_of_confirmation_is_not_looked_up() -> None:
    kept = Kept(granted(approval(), "person:lee", NOW))
    assert spent(kept)
    assert spent(Kept(None), given=None)
    typed = replace(confirmation(granted(approval(), "person:lee", NOW)), how="typed_name")
    assert spent(Kept(None), given=typed)
