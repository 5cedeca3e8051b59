"""A person at a terminal, who confirms a teardown by typing the dataset's name."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import anyio
from rich.panel import Panel
from rich.text import Text

from domain.errors import DeclinedError
from domain.model import Confirmation
from domain.policy import required_confirmation_kind
from server.cli.output import format_duration, format_value, render_facts
from server.cli.views.tables import render_batch_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console, RenderableType

    from domain.governance import ApprovalService
    from domain.model import ConfirmationRequest
    from domain.ports import Clock


class TypedNameConfirmer:
    """Shows what will be lost, and asks for the name to be typed.

    Past sandbox that is kept as an approval by one person, who asked and who answered; where they may not approve
    `alone`, a request to another person is filed instead.
    """

    def __init__(self, console: Console, approvals: ApprovalService, clock: Clock, *, alone: bool) -> None:
        """Ask on that console."""
        self._console = console
        self._approvals = approvals
        self._clock = clock
        self._alone = alone

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        """The confirmation. Raises DeclinedError for anything but the name, ConfirmationRequiredError for a request."""
        dataset = question.dataset
        approval = required_confirmation_kind(dataset, question.reason, question.concession) == "approval"
        if approval and not self._alone:
            return await self._approvals.ask(question)
        if await prompt_for_phrase(self._console, question.shown, dataset.name) != dataset.name:
            message = f"What was typed is not the name of {dataset.name}; nothing was changed."
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


async def prompt_for_phrase(console: Console, shown: Mapping[str, Any], phrase: str) -> str:
    """What a person types after they were shown what will be lost, and asked for the phrase."""
    many = "datasets" in shown
    title = "These datasets will be taken down" if many else "This dataset will be taken down"
    what = "this" if many else "its name"
    console.print(Panel(render_loss(shown), title=title, expand=False))
    console.print(Text(f"Type {what} ({format_value(phrase)}) to go on: ", style="bold"), end="")
    # Waited for in the loop, not read in a thread: Ctrl-C must not leave a thread that holds up the process.
    await anyio.wait_readable(sys.stdin)
    return sys.stdin.readline().strip()


def render_loss(shown: Mapping[str, Any]) -> RenderableType:
    """What a teardown takes away, as a person is shown it before they decide."""
    if "datasets" in shown:
        return render_batch_request(shown)
    until = shown.get("restorable_until")
    kept = (
        f"all of it, restorable until {format_value(datetime.fromisoformat(until))}"
        if until
        else shown.get("incomplete", "its description and a sample; it cannot be restored")
    )
    return render_facts(
        (
            ("name", shown["dataset"]),
            ("client", shown["client_id"]),
            ("journey", shown["journey_id"]),
            ("stage", shown["stage"]),
            ("status", shown["status"]),
            ("reason", shown["reason"]),
            ("records", shown["record_count"]),
            ("age", format_duration(shown["age_s"])),
            ("will be lost", shown["lost"]),
            ("stays in Glean", shown.get("stays")),
            ("is archived", kept),
        )
    )
