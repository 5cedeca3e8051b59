"""Progress of sagas on stderr, while a command waits for them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from server.cli.output import format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from domain import model
    from domain.lifecycle import ProgressListener


@contextmanager
def show_progress(console: Console) -> Iterator[Callable[[str], ProgressListener]]:
    """Yield a function that makes a progress listener for a named saga.

    On a terminal each saga has a bar of its own; elsewhere each of its steps prints a line.
    """
    if not console.is_terminal:
        yield lambda name: _line_listener(console, name)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[name]}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", style="dim"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield lambda name: _bar_listener(progress, name)


def _bar_listener(progress: Progress, name: str) -> ProgressListener:
    bar = progress.add_task("", name=format_value(name), total=None)

    async def show(saga: model.Progress) -> None:
        progress.update(bar, description=format_value(saga.message), completed=saga.done, total=saga.total)

    return show


def _line_listener(console: Console, name: str) -> ProgressListener:
    last_step: str | None = None

    async def show(saga: model.Progress) -> None:
        nonlocal last_step
        # One line a step: a log file would be flooded by a line for each record.
        if saga.step != last_step:
            last_step = saga.step
            console.print(f"{format_value(name)}: {format_value(saga.message)}")

    return show
