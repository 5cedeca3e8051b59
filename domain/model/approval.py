"""Approvals: the request that a person decides on before a teardown, and the port that asks them at once."""

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
    """Who filed an approval request: a caller, or a sweep."""

    CALLER = "caller"
    SWEEP = "sweep"


class ApprovalState(StrEnum):
    """The state of an approval request.

    Time makes a request EXPIRED; a change of its dataset, or a newer list, makes it VOID.
    """

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    USED = "used"
    EXPIRED = "expired"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalItem:
    """One dataset of a request for a list, at one generation. The claim that uses it sets `spent`."""

    dataset_id: str
    name: str
    client_id: str
    generation: int
    spent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Approval request: may this dataset, at this generation, be taken down for this reason and requester?

    `shown` are the facts that the person sees before deciding. `expires_at` is None for a request that stays open until
    it is answered or void. A claim can use an approved request until `grant_expires_at`. `concession` is the waiver
    asked for. `actors` are the agents that acted for the requester when it was asked for, at any depth.

    A sweep's request for a list of datasets names them in `listed`. Its own `dataset_id` and `client_id` are then
    empty, and its generation is 0.
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
    actors: tuple[str, ...] = ()

    @property
    def clients(self) -> frozenset[str]:
        """The clients whose datasets the request is about."""
        return frozenset(each.client_id for each in self.listed) or frozenset({self.client_id})

    @property
    def phrase(self) -> str:
        """The phrase that a person types to approve it: the dataset's name, or for a list the number of datasets."""
        return f"take down {len(self.listed)} datasets" if self.listed else str(self.shown["dataset"])

    @property
    def self_approved(self) -> bool:
        """Whether the requester approved it themselves, by typing the name on a terminal."""
        return self.grant_expires_at is not None and self.answered_by == self.requester


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationRequest:
    """Confirmation request: the question that a person answers before a teardown.

    `shown` are the facts that the person sees; `principal` is the caller, with the call that asks.
    """

    dataset: Dataset
    reason: TeardownReason
    requester: str
    generation: int
    shown: Mapping[str, Any] = field(default_factory=dict)
    concession: Waiver = Waiver.NONE
    principal: Principal | None = field(default=None, compare=False)


class Confirmer(Protocol):
    """The port through which a person confirms a teardown during the call."""

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        """Ask for the confirmation; None when this client cannot ask a person.

        Raises DeclinedError when the person declines, and ConfirmationRequiredError while the answer is pending.
        """
        ...
