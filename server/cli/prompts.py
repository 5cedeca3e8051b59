"""Confirmation of a teardown at a terminal: a person types the dataset's name."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import anyio
from rich.panel import Panel
from rich.text import Text

from domain.errors import DeclinedError
from domain.model import Confirmation, Waiver
from domain.policy import requires_approval
from server.cli.output import format_duration, format_value, render_facts
from server.cli.views.tables import render_batch_request

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rich.console import Console, RenderableType

    from domain.governance import ApprovalService
    from domain.model import ConfirmationRequest
    from domain.ports import Clock


class TypedNameConfirmer:
    """Shows what will be lost, and asks the person to type the dataset's name. Implements `Confirmer`.

    Past sandbox the answer is recorded as an approval that one person requested and gave. Where they may not approve
    `alone`, an approval request to another person is filed instead.
    """

    def __init__(
        self,
        console: Console,
        approvals: ApprovalService,
        clock: Clock,
        *,
        alone: bool,
        confirmed: Collection[ConfirmationRequest] = (),
    ) -> None:
        """Ask on `console`; file and record approvals with `approvals`.

        The person has `confirmed` these together, and is not asked about them again while they are as they were shown.
        """
        self._console = console
        self._approvals = approvals
        self._clock = clock
        self._alone = alone
        self._confirmed = {(each.dataset.dataset_id, each.generation) for each in confirmed}

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        """Ask for the name to be typed, and return the confirmation.

        Raises DeclinedError when anything else is typed, and ConfirmationRequiredError when a request was filed.
        """
        dataset = question.dataset
        approval = requires_approval(dataset, question.concession)
        if approval and not self._alone:
            return await self._approvals.ask(question)
        if not self._is_confirmed(question) and (
            await prompt_for_phrase(self._console, question.shown, dataset.name) != dataset.name
        ):
            message = f"The typed text is not the dataset's name, {dataset.name}. Nothing was changed."
            raise DeclinedError(message, dataset_id=dataset.dataset_id)
        if approval:
            return await self._approvals.self_approve(question)
        return Confirmation(
            how="typed_name",
            by=question.requester,
            at=self._clock.now(),
            dataset_id=dataset.dataset_id,
            generation=question.generation,
            reason=question.reason,
            requester=question.requester,
            shown=question.shown,
        )

    def _is_confirmed(self, question: ConfirmationRequest) -> bool:
        """Whether the person has confirmed exactly this; a waiver is always asked about by itself."""
        known = (question.dataset.dataset_id, question.generation) in self._confirmed
        return known and question.concession is Waiver.NONE


async def prompt_for_phrase(console: Console, details: Mapping[str, Any], phrase: str) -> str:
    """Show what will be lost, ask a person to type the phrase, and return what they typed."""
    many = "datasets" in details
    title = "These datasets will be taken down" if many else "This dataset will be taken down"
    what = "this" if many else "its name"
    console.print(Panel(render_loss(details), title=title, expand=False))
    return await ask_for_phrase(console, what, phrase)


async def ask_for_phrase(console: Console, what: str, phrase: str) -> str:
    """Ask a person to type `what`, the phrase, and return what they typed."""
    console.print(Text(f"Type {what} ({format_value(phrase)}) to continue: ", style="bold"), end="")
    # The event loop waits for the input instead of a thread: after Ctrl-C a thread would keep the process alive.
    await anyio.wait_readable(sys.stdin)
    return sys.stdin.readline().strip()


def render_loss(details: Mapping[str, Any]) -> RenderableType:
    """Render what a teardown removes, for the person who decides on it."""
    if "datasets" in details:
        return render_batch_request(details)
    until = details.get("restorable_until")
    archived = (
        f"all of it, restorable until {format_value(datetime.fromisoformat(until))}"
        if until
        else details.get("incomplete", "its description and a sample; it cannot be restored")
    )
    return render_facts(
        (
            ("name", details["dataset"]),
            ("client", details["client_id"]),
            ("journey", details["journey_id"]),
            ("stage", details["stage"]),
            ("status", details["status"]),
            ("reason", details["reason"]),
            ("records", details["record_count"]),
            ("age", format_duration(details["age_s"])),
            ("will be lost", details["lost"]),
            ("stays in Glean", details.get("stays")),
            ("is archived", archived),
        )
    )
