"""What every command has: the three options that go with each, its settings and caller, and its exit code."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, get_type_hints

import typer

from server.cli.exits import Exit, exit_for
from server.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.callers import Caller
    from domain.errors import LifecycleError
    from server.settings import Settings
    from tools.services import Services

B = TypeVar("B", bound="Callable[..., Awaitable[Exit | None] | Exit | None]")

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="The data folder (env DATASET_LIFECYCLE_DATA_DIR).",
        show_default=False,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration file (env DATASET_LIFECYCLE_CONFIG).",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document on stdout.")]

UNSCOPED: Final = frozenset({"cancel", "demo", "doctor", "glean-sandbox", "serve"})
"""Commands that need no scope: they touch no configured data, or look, or (`cancel`) find out which one they need."""

_INTERRUPTED: Final = "Interrupted."


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One command, as it was called. `if_interrupted` is what Ctrl-C is answered with."""

    output: Output
    data_dir: Path | None
    config: Path | None
    if_interrupted: str = _INTERRUPTED
    _settings: Settings | None = field(default=None, init=False)

    def settings(self) -> Settings:
        """The configuration, read once. Raises SettingsError."""
        import os

        from server.settings import load

        if self._settings is None:
            self._settings = load(os.environ, config_path=self.config, data_dir=self.data_dir)
        return self._settings

    @property
    def caller(self) -> Caller:
        """Who asks: a person on a terminal, an agent elsewhere; both on this account, with what it is granted."""
        from domain.callers import Caller

        caller = Caller(subject=f"{'person' if on_terminal() else 'agent'}:{account()}")
        return self.settings().identity.local.granted(caller)

    def demand(self, verb: str) -> None:
        """Raise ForbiddenError unless the caller may do this."""
        from domain import scopes

        scopes.demand(self.caller, verb)

    @asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        """The use cases for a command that looks, or changes only our own records; it runs and adopts no saga."""
        from server import wiring

        async with wiring.running(self.settings(), sagas=False) as services:
            yield services

    @asynccontextmanager
    async def work(
        self, settings: Settings | None = None, *, no_wait: bool = False
    ) -> AsyncIterator[Services]:
        """The use cases for a command whose work this process does, and with it what dead processes left.

        With `no_wait` a running server on the same data folder does it. Raises InvalidArgumentError when there is none.
        """
        from domain.errors import InvalidArgumentError
        from server import wiring

        settings = settings or self.settings()
        if no_wait and not wiring.serving(settings):
            raise InvalidArgumentError(
                f"--no-wait leaves the work to a running `serve`, and there is none on {settings.data_dir}.",
                field="no_wait",
                suggested_action="Start `dataset-lifecycle serve --transport http` there, or leave --no-wait out.",
            )
        async with wiring.running(settings, sagas=not no_wait) as services:
            yield services

    def leaves_work(self, dataset_id: str) -> None:
        """From now on Ctrl-C leaves something that goes on."""
        self.if_interrupted = (
            f"Interrupted. What was begun on {dataset_id} is not lost: it goes on when this command is called again, "
            "and by itself where a `serve` runs on the same data folder."
        )


def on_terminal() -> bool:
    """Whether a person sits here: questions can be shown, and answers typed."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def account() -> str:
    """The name of the account that runs this process, or its number when it has none."""
    import getpass
    import os

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def command(app: typer.Typer, name: str) -> Callable[[B], B]:
    """Make a function the command of that name; its docstring is the help.

    It is given the invocation and its own options, and answers with an exit code, None for done; it may be async.
    `--json`, `--data-dir` and `--config` are added to every command.
    """

    def register(body: B) -> B:
        def entry(ctx: typer.Context, **given: Any) -> None:
            shared = ctx.find_root().params
            run = Invocation(
                output=Output(as_json=given.pop("as_json")),
                data_dir=given.pop("data_dir") or shared.get("data_dir"),
                config=given.pop("config") or shared.get("config"),
            )

            def work() -> Awaitable[Exit | None] | Exit | None:
                if (verb := _verb(ctx)) not in UNSCOPED:
                    run.demand(verb)
                return body(run, **given)

            raise typer.Exit(_outcome(run, work))

        hints = get_type_hints(body, include_extras=True)
        own = [
            each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for each in list(inspect.signature(body).parameters.values())[1:]
        ]
        entry.__signature__ = inspect.Signature([_keyword("ctx", typer.Context), *own, *_COMMON])  # type: ignore[attr-defined] # read by inspect
        app.command(name, help=inspect.getdoc(body))(entry)
        return body

    return register


def _verb(ctx: typer.Context) -> str:
    """The command as it was typed, without the program's name."""
    return f"{_verb(ctx.parent)} {ctx.info_name}".strip() if ctx.parent else ""  # type: ignore[arg-type] # typer's own


def _keyword(name: str, annotation: object, default: object = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


_COMMON: Final = (
    _keyword("as_json", Json, default=False),
    _keyword("data_dir", DataDir, default=None),
    _keyword("config", Config, default=None),
)


def _outcome(run: Invocation, work: Callable[[], Awaitable[Exit | None] | Exit | None]) -> int:
    """Do the work; whatever ends it becomes words and a code."""
    import logging
    import os

    from domain.errors import InternalError, LifecycleError
    from server import logs

    level = os.environ.get("DATASET_LIFECYCLE_LOG", "").upper()
    logs.configure(level if level in logging.getLevelNamesMapping() else "WARNING")
    try:
        return _done(work()) or Exit.DONE
    except KeyboardInterrupt:
        run.output.note(run.if_interrupted)
        return Exit.INTERRUPTED
    except (BrokenPipeError, typer.BadParameter):
        raise
    except Exception as error:
        cause = _cause(error)
        if not isinstance(cause, LifecycleError):
            logging.getLogger(__name__).debug("the command failed by a bug", exc_info=error)
            cause = InternalError(
                f"This program failed ({type(cause).__name__}); that is a fault of its own."
            )
        return _told(run, cause)


def _done(work: Awaitable[Exit | None] | Exit | None) -> Exit | None:
    if work is None or isinstance(work, Exit):
        return work
    import anyio

    async def awaited() -> Exit | None:
        return await work

    return anyio.run(awaited)


def _told(run: Invocation, error: LifecycleError) -> Exit:
    from server.cli.refusals import document, refusal_text

    run.output.failure(document(error), refusal_text(error))
    return exit_for(error)


def _cause(error: Exception) -> Exception:
    """What ended a task group, which wraps it; the first of several."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
