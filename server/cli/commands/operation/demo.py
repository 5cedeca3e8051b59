"""`demo`: the whole life of four datasets, in a folder of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group

from server.cli.command import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "demo")(run_demo)


async def run_demo(
    run: Invocation,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the folder, and say where.")] = False,
) -> None:
    """Show the whole life of four datasets in half a minute, on the embedded sandbox, whatever is configured."""
    import shutil
    import tempfile
    import time

    from server.cli.views.demo import INTRODUCTION, connection_instructions

    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="dataset-lifecycle-demo-"))
    run.output.print_for_people(Group(INTRODUCTION, ""))
    try:
        steps = await _run_script(run, folder)
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
    run.output.print_answer(
        document,
        f"That took {seconds:.1f} seconds. {left}",
        connection_instructions(_program_command()),
    )


async def _run_script(run: Invocation, folder: Path) -> list[dict[str, Any]]:
    from domain.model import Principal
    from server.cli.demo_script import DemoScript
    from server.cli.views.demo import render_step
    from server.composition.glean import open_platform
    from server.composition.process import open_services
    from server.settings import load_settings

    # An empty environment and a folder without a file: nothing that is configured can reach the demo.
    settings = load_settings({}, data_dir=folder, cwd=folder)
    async with (
        open_services(settings, sagas=True) as services,
        open_platform(settings) as platform,
    ):
        story = DemoScript(
            services=services,
            platform=platform,
            principal=Principal(subject="agent:demo"),
            console=run.output.aside,
            report_step=lambda name, step: run.output.print_for_people(render_step(name, step)),
        )
        await story.run()
    return story.steps


def _program_command() -> list[str]:
    """How a host starts this program: by the script that runs now, where there is one."""
    script = Path(sys.argv[0])
    if script.name == "dataset-lifecycle" and script.is_file():
        return [str(script.absolute())]
    return ["dataset-lifecycle"]
