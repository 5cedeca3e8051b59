"""How far a saga is, shown on stderr while somebody waits for it."""

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
    """A function that gives each work, by its name, a bar of its own; where there is no terminal, a line a step."""
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

    async def show(heard: model.Progress) -> None:
        progress.update(bar, description=format_value(heard.message), completed=heard.done, total=heard.total)

    return show


def _line_listener(console: Console, name: str) -> ProgressListener:
    shown: str | None = None

    async def show(heard: model.Progress) -> None:
        nonlocal shown
        if heard.step != shown:
            shown = heard.step
            console.print(f"{format_value(name)}: {format_value(heard.message)}")

    return show
