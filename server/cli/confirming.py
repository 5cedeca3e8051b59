"""A person at a terminal, who confirms a teardown by typing the dataset's name."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
from rich.panel import Panel
from rich.text import Text

from domain.errors import DeclinedError
from domain.model import Confirmation
from domain.safety import needs_confirmation
from server.cli.output import facts, plain, span

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console, RenderableType

    from domain.model import Dataset
    from domain.ports import Question


class TypedName:
    """Shows what will be lost, and asks for the name to be typed."""

    def __init__(self, console: Console, *, retention_days: int, full_data: bool, now: datetime) -> None:
        """Ask on that console; an archive taken now can be restored for so many days, when it has all documents."""
        self._console = console
        self._retention = timedelta(days=retention_days)
        self._full_data = full_data
        self._now = now

    async def ask(self, question: Question) -> Confirmation | None:
        """The confirmation; None past sandbox, where a typed name is not enough. Raises DeclinedError."""
        dataset = question.dataset
        if needs_confirmation(dataset, question.reason) != "elicitation":
            return None
        self._console.print(
            Panel(self._shown(dataset), title="This dataset will be taken down", expand=False)
        )
        self._console.print(Text(f"Type its name ({plain(dataset.name)}) to go on: ", style="bold"), end="")
        if await _line() != dataset.name:
            message = f"What was typed is not the name of {dataset.name}; nothing was changed."
            raise DeclinedError(message, dataset_id=dataset.dataset_id)
        return Confirmation(
            how="typed_name",
            by=question.requester,
            at=self._now,
            dataset_id=dataset.dataset_id,
            generation=question.generation,
            reason=question.reason,
            requester=question.requester,
        )

    def _shown(self, dataset: Dataset) -> RenderableType:
        kept = (
            f"all of it, restorable until {plain(self._now + self._retention)}"
            if self._full_data and dataset.content
            else "its description and a sample; it cannot be restored"
        )
        return facts(
            (
                ("name", dataset.name),
                ("client", dataset.client_id),
                ("journey", dataset.journey_id),
                ("stage", dataset.stage.value),
                ("status", dataset.status.value),
                ("records", dataset.record_count),
                ("age", span((self._now - dataset.created_at).total_seconds())),
                ("will be lost", "its connector in Glean, what search finds of it, and what is staged"),
                ("is archived", kept),
            )
        )


async def _line() -> str:
    # Waited for in the loop, not read in a thread: Ctrl-C must not leave a thread that holds up the process.
    await anyio.wait_readable(sys.stdin)
    return sys.stdin.readline().strip()
