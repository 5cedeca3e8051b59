"""What a person is asked before a teardown, and the request that keeps the question until they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from domain.model.enums import TeardownReason, Waiver

if TYPE_CHECKING:
    from domain.model.dataset import Confirmation, Dataset
    from domain.model.principal import Principal


class ApprovalOrigin(StrEnum):
    """Who filed an approval request: somebody's call, or a sweep."""

    CALLER = "caller"
    SWEEP = "sweep"


class ApprovalState(StrEnum):
    """Where an approval request stands. The clock and the datasets make one EXPIRED or VOID, and a newer list too."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    USED = "used"
    EXPIRED = "expired"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalItem:
    """One dataset of a request for many: bound to its generation, and `spent` by the claim that used it."""

    dataset_id: str
    name: str
    client_id: str
    generation: int
    spent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A request that a person decides on: may this dataset, at this generation, go for this reason and requester?

    `shown` is what the person sees before deciding. `expires_at` is None for one that stays open until it is answered
    or void; `grant_expires_at` is until when a claim can use it once it was approved. `concession` is what the teardown
    would go without.

    A sweep's request for many datasets names them in `listed`; its own `dataset_id` and `client_id` are empty then, and
    its generation is 0.
    """

    approval_id: str
    dataset_id: str
    client_id: str
    generation: int
    reason: TeardownReason
    requester: str
    filed_at: datetime
    expires_at: datetime | None
    shown: Mapping[str, Any]
    origin: ApprovalOrigin = ApprovalOrigin.CALLER
    state: ApprovalState = ApprovalState.OPEN
    answered_by: str | None = None
    answered_at: datetime | None = None
    grant_expires_at: datetime | None = None
    concession: Waiver = Waiver.NONE
    listed: tuple[ApprovalItem, ...] = ()

    @property
    def clients(self) -> frozenset[str]:
        """Whose datasets it is about."""
        return frozenset(each.client_id for each in self.listed) or frozenset({self.client_id})

    @property
    def phrase(self) -> str:
        """What a person types to approve it: the dataset's name, for many of them how many."""
        return f"take down {len(self.listed)} datasets" if self.listed else str(self.shown["dataset"])

    @property
    def self_approved(self) -> bool:
        """Whether the one who asked approved it, by typing the name on a terminal."""
        return self.grant_expires_at is not None and self.answered_by == self.requester


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationRequest:
    """What a person is asked before a teardown, and shown with it. `caller` is who asks, with the call that does."""

    dataset: Dataset
    reason: TeardownReason
    requester: str
    generation: int
    shown: Mapping[str, Any] = field(default_factory=dict)
    concession: Waiver = Waiver.NONE
    principal: Principal | None = field(default=None, compare=False)


class Confirmer(Protocol):
    """Where a person's confirmation comes from."""

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        """The confirmation; None when nobody can be asked here.

        Raises DeclinedError when the person said no, and ConfirmationRequiredError when they have still to be asked.
        """
        ...
