"""Progress of work on the records of templates."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console


class _InterruptedError(Exception):
    """The command has ended, and nobody waits for the report that a thread works on."""


@contextmanager
def show_records(
    console: Console,
) -> Iterator[tuple[Callable[[int, int | None], None], Callable[[], None]]]:
    """Yield what shows how many records were read, and a checkpoint; both raise when the block has ended."""
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    ended = Event()
    columns = (SpinnerColumn(), TextColumn("records"), MofNCompleteColumn(), TimeElapsedColumn())

    def checkpoint() -> None:
        if ended.is_set():
            raise _InterruptedError

    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task("", total=None)

        def show(done: int, total: int | None) -> None:
            checkpoint()
            bars.update(bar, completed=done, total=total)

        try:
            yield show, checkpoint
        finally:
            ended.set()
