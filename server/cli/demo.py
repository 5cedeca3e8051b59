"""`demo`: the whole life of four datasets, in a folder of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group

from server.cli.invocation import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "demo")(demo)


async def demo(
    run: Invocation,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the folder, and say where.")] = False,
) -> None:
    """Show the whole life of four datasets in half a minute, on the embedded sandbox, whatever is configured."""
    import shutil
    import tempfile
    import time

    from server.cli import demo_text

    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="dataset-lifecycle-demo-"))
    run.output.tell(Group(demo_text.OPENING, ""))
    try:
        steps = await _told(run, folder)
    finally:
        if not keep:
            shutil.rmtree(folder)
    seconds = round(time.monotonic() - began, 2)
    document: dict[str, Any] = {
        "steps": steps,
        "seconds": seconds,
        **({"folder": str(folder)} if keep else {}),
    }
    kept = f"Kept in {folder}; look at it with: dataset-lifecycle --data-dir {folder} datasets list"
    left = kept if keep else "The folder of this demo is gone again; --keep leaves it."
    run.output.answer(document, f"That took {seconds:.1f} seconds. {left}", demo_text.connecting(_command()))


async def _told(run: Invocation, folder: Path) -> list[dict[str, Any]]:
    from domain.callers import Caller
    from server import wiring
    from server.cli import demo_text
    from server.cli.demo_story import Story
    from server.settings import load

    # An empty environment and a folder without a file: nothing that is configured can reach the demo.
    settings = load({}, data_dir=folder, cwd=folder)
    async with (
        wiring.running(settings, sagas=True) as services,
        wiring.reaching(settings) as platform,
    ):
        story = Story(
            services=services,
            platform=platform,
            caller=Caller(subject="agent:demo"),
            console=run.output.aside,
            tell=lambda name, step: run.output.tell(demo_text.paragraph(name, step)),
        )
        await story.run()
    return story.steps


def _command() -> list[str]:
    """How a host starts this program: by the script that runs now, where there is one."""
    script = Path(sys.argv[0])
    if script.name == "dataset-lifecycle" and script.is_file():
        return [str(script.absolute())]
    return ["dataset-lifecycle"]
