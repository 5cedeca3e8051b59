"""The typer application with all commands and command groups."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from domain.model import printable
from server.cli.command import Config, DataDir
from server.cli.commands.lifecycle import archives, cancel, datasets, provision, restore, teardown
from server.cli.commands.operation import backup, demo, doctor, drain, glean_sandbox, platform, serve
from server.cli.commands.oversight import approvals, audit, events, health, orphans, schedules
from server.cli.commands.registry import clients, journeys, templates

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def _printable_usage_errors() -> Iterator[None]:
    """Make the texts of an error about the command line printable; they may repeat what was given."""
    try:
        yield
    except typer.TyperException as error:
        texts = {name: printable(text) for name, text in vars(error).items() if isinstance(text, str)}
        vars(error).update(texts)
        raise


class _PrintableGroup(TyperGroup):
    """The commands, whose usage errors are told in printable text."""

    # The signatures are typer's, whose types are private.
    def make_context(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401
        """Parse the command line."""
        with _printable_usage_errors():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run the command."""
        with _printable_usage_errors():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_PrintableGroup,
    help="Provision, watch and take down the demonstration datasets of a Glean deployment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _print_version(requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        typer.echo(f"dataset-lifecycle {version('dataset-lifecycle')}")
        raise typer.Exit


@app.callback()
def options(
    data_dir: DataDir = None,
    config: Config = None,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Accept the options that may be given before the command as well as after it."""


app.info.help = "Provision, watch and take down the demonstration datasets of a Glean deployment."

demo.register(app)
serve.register(app)
app.add_typer(clients.app, name="clients")
app.add_typer(journeys.app, name="journeys")
provision.register(app)
cancel.register(app)
teardown.register(app)
restore.register(app)
health.register(app)
orphans.register(app)
app.add_typer(datasets.app, name="datasets")
app.add_typer(templates.app, name="templates")
app.add_typer(archives.app, name="archives")
app.add_typer(approvals.app, name="approvals")
app.add_typer(audit.app, name="audit")
app.add_typer(drain.app, name="drain")
app.add_typer(events.app, name="events")
app.add_typer(schedules.app, name="schedules")
backup.register(app)
app.add_typer(platform.app, name="platform")
glean_sandbox.register(app)
doctor.register(app)
