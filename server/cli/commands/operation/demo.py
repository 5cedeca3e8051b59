"""`demo`: show the whole life of four datasets, in a folder of its own."""

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
    keep: Annotated[bool, typer.Option("--keep", help="Keep the demo's folder, and print its path.")] = False,
) -> None:
    """Show the whole life of four datasets in half a minute, on the embedded sandbox. Uses none of your settings."""
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
    hint = (
        f"Its folder is {folder}; look at it with: dataset-lifecycle --data-dir {folder} datasets list"
        if keep
        else "The demo's folder was deleted; --keep keeps it."
    )
    run.output.print_answer(
        document,
        f"That took {seconds:.1f} seconds. {hint}",
        connection_instructions(_program_command()),
    )


async def _run_script(run: Invocation, folder: Path) -> list[dict[str, Any]]:
    from domain.model import Principal
    from server.cli.demo_script import DemoScript
    from server.cli.views.demo import render_step
    from server.composition.glean.platform import open_platform
    from server.composition.process import open_services
    from server.settings import load_settings

    # An empty environment and a new folder: no setting of the user can reach the demo.
    settings = load_settings({}, data_dir=folder, cwd=folder)
    async with (
        open_services(settings, sagas=True) as services,
        open_platform(settings) as platform,
    ):
        script = DemoScript(
            services=services,
            platform=platform,
            principal=Principal(subject="agent:demo"),
            console=run.output.aside,
            report_step=lambda name, step: run.output.print_for_people(render_step(name, step)),
        )
        await script.run()
    return script.steps


def _program_command() -> list[str]:
    """The command with which an MCP host starts this program: the running script's path, if it is one."""
    script = Path(sys.argv[0])
    if script.name == "dataset-lifecycle" and script.is_file():
        return [str(script.absolute())]
    return ["dataset-lifecycle"]
