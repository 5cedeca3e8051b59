"""The typer application. A command's module is imported when that command is called, or all are listed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from domain.model import printable
from server.cli.command import Config, DataDir

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS: Final = MappingProxyType(
    {
        "demo": "operation.demo",
        "serve": "operation.serve",
        "provision": "lifecycle.provision",
        "cancel": "lifecycle.cancel",
        "teardown": "lifecycle.teardown",
        "restore": "lifecycle.restore",
        "health": "oversight.health",
        "orphans": "oversight.orphans",
        "backup": "operation.backup",
        "platform": "operation.platform",
        "glean-sandbox": "operation.glean_sandbox",
        "doctor": "operation.doctor",
        "clients": "registry.clients",
        "journeys": "registry.journeys",
        "datasets": "lifecycle.datasets",
        "templates": "registry.templates",
        "sanitize": "registry.sanitize",
        "archives": "lifecycle.archives",
        "approvals": "oversight.approvals",
        "audit": "oversight.audit",
        "drain": "operation.drain",
        "events": "oversight.events",
        "schedules": "oversight.schedules",
    }
)
"""The module of each command, in the order of the help: it has an `app` for a group, or else `register`."""


@contextmanager
def _printable_usage_errors() -> Iterator[None]:
    """Make the texts of an error about the command line printable; they may repeat what was given."""
    try:
        yield
    except typer.TyperException as error:
        texts = {name: printable(text) for name, text in vars(error).items() if isinstance(text, str)}
        vars(error).update(texts)
        raise


@cache
def _load_command(name: str) -> Any:  # noqa: ANN401 - typer's types are private
    module = import_module(f"server.cli.commands.{COMMANDS[name]}")
    if hasattr(module, "app"):
        command: Any = get_group(module.app)
    else:
        single = typer.Typer(add_completion=False)
        module.register(single)
        command = get_command(single)
    command.name = name
    return command


class _LazyCommands(Mapping[str, Any]):
    """The commands by name; each is imported when it is looked up."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - the same
        return _load_command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Program(TyperGroup):
    """The commands, whose usage errors are told in printable text."""

    # The signatures are typer's, whose types are private.
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = cast("Any", _LazyCommands())

    def make_context(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401
        """Parse the command line."""
        with _printable_usage_errors():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run the command."""
        with _printable_usage_errors():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Program,
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
