"""Rules of confirmation: which teardown needs a person's consent, and which consent fits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import ConfirmationRequiredError
from domain.model import Stage, TeardownReason, Waiver

if TYPE_CHECKING:
    from domain.model import Confirmation, ConfirmationKind, Dataset


def required_confirmation_kind(
    dataset: Dataset,
    reason: TeardownReason,
    waiver: Waiver = Waiver.NONE,
    *,
    at_sandbox: ConfirmationKind,
) -> ConfirmationKind | None:
    """The kind of confirmation that this teardown needs, None where it needs none.

    `at_sandbox` is the kind for the reason `manual` there. A program that shows forms can fill them in by itself, so
    where that is not trusted it is an approval.
    """
    if requires_approval(dataset, waiver):
        return "approval"
    return at_sandbox if reason is TeardownReason.MANUAL else None


def requires_approval(dataset: Dataset, waiver: Waiver) -> bool:
    """Whether nothing but an approval confirms this teardown, not even a name typed on a terminal."""
    return dataset.stage is not Stage.SANDBOX or waiver is not Waiver.NONE


def require_confirmation(
    dataset: Dataset,
    reason: TeardownReason,
    requester: str,
    confirmation: Confirmation | None,
    waiver: Waiver = Waiver.NONE,
    *,
    at_sandbox: ConfirmationKind,
) -> None:
    """Require a confirmation that allows this teardown with this waiver, where one is needed.

    It must name this dataset at this generation, this reason, this requester and this waiver. After the sandbox stage,
    and for any waiver, it must be an approval. At sandbox a name typed on a terminal counts too, and an elicitation
    only where that is the kind `at_sandbox`. Raises ConfirmationRequiredError.
    """
    how = required_confirmation_kind(dataset, reason, waiver, at_sandbox=at_sandbox)
    if how is not None:
        _require_fitting(dataset, reason, requester, confirmation, waiver, how)


def require_approval(
    dataset: Dataset,
    reason: TeardownReason,
    requester: str,
    confirmation: Confirmation | None,
    waiver: Waiver,
) -> Confirmation:
    """The confirmation, when it is an approval of exactly this. Raises ConfirmationRequiredError."""
    return _require_fitting(dataset, reason, requester, confirmation, waiver, "approval")


def _require_fitting(
    dataset: Dataset,
    reason: TeardownReason,
    requester: str,
    confirmation: Confirmation | None,
    waiver: Waiver,
    how: ConfirmationKind,
) -> Confirmation:
    fits = confirmation is not None and (
        confirmation.dataset_id,
        confirmation.generation,
        confirmation.reason,
        confirmation.requester,
        confirmation.concession,
    ) == (dataset.dataset_id, dataset.generation, reason, requester, waiver)
    accepted = {"approval", how} if requires_approval(dataset, waiver) else {"approval", "typed_name", how}
    if fits and confirmation is not None and confirmation.how in accepted:
        return confirmation
    person = (
        "another person approves it"
        if how == "approval"
        else "a person confirms it by typing the dataset's name"
    )
    stale = (
        " The confirmation given was for another teardown, or for an earlier state of the dataset."
        if confirmation
        else ""
    )
    msg = (
        f"{dataset.name} ({dataset.stage}) is taken down for the reason {reason}{WAIVER_PHRASES[waiver]} only when "
        f"{person}.{stale}"
    )
    raise ConfirmationRequiredError(
        msg,
        how=how,
        dataset_id=dataset.dataset_id,
        suggested_action=(
            "Ask the operator: another person has to see what will be lost, and approve it."
            if how == "approval"
            else "Ask the operator: a person sees on a terminal what will be lost, and decides."
        ),
    )


WAIVER_PHRASES: Final = {
    Waiver.NONE: "",
    Waiver.ABANDON_CONNECTOR: ", leaving its connector in Glean,",
    Waiver.INCOMPLETE_ARCHIVE: ", with an incomplete archive,",
}
"""The phrase for each waiver, inside a sentence about the teardown."""
