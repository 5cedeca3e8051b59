"""What every command has: the three options that go with each, its settings and caller, and its exit code."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, get_type_hints

import typer

from server.cli.exits import Exit, exit_for
from server.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from domain.callers import Caller
    from domain.errors import LifecycleError
    from server.settings import Settings
    from tools.recording import Ending
    from tools.services import Services

_Work = Callable[[], Awaitable[Exit | None] | Exit | None]
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

UNRECORDED: Final = frozenset({"demo", "doctor", "glean-sandbox", "serve"})
"""Commands that are no calls: they touch no configured data, or look, or answer the calls of others."""

UNSCOPED: Final = UNRECORDED | {"cancel"}
"""Commands that need no scope of their own: those, and `cancel`, which finds out which one it needs."""

_VIA: Final = "cli"
_TRACE: Final = "TRACEPARENT"
"""The variable in which a program hands on its W3C trace context, as OpenTelemetry's command-line tools have it."""

_INTERRUPTED: Final = "Interrupted."


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One command, as it was called. `if_interrupted` is what Ctrl-C is answered with."""

    output: Output
    data_dir: Path | None
    config: Path | None
    if_interrupted: str = _INTERRUPTED
    _settings: Settings | None = field(default=None, init=False)
    _call: Ending | None = field(default=None, init=False)

    def settings(self) -> Settings:
        """The configuration, read once. Raises SettingsError."""
        from server.settings import load

        if self._settings is None:
            self._settings = load(os.environ, config_path=self.config, data_dir=self.data_dir)
        return self._settings

    @property
    def caller(self) -> Caller:
        """Who asks: a person on a terminal, an agent elsewhere; both on this account, with what it is granted."""
        from domain.callers import Caller

        if self._call is not None:
            return self._call.caller
        caller = Caller(subject=f"{'person' if on_terminal() else 'agent'}:{account()}")
        return self.settings().identity.local.granted(caller)

    @property
    def audit_id(self) -> str | None:
        """Under which id the command is on record, once it is a call."""
        call = self._call.caller.call if self._call else None
        return call.audit_id if call else None

    def demand(self, verb: str) -> None:
        """Say what exactly is done, and raise ForbiddenError unless the caller may do it."""
        from domain import scopes

        caller = self.caller
        if self._call is not None and caller.call is not None:
            self._call.caller = caller = replace(caller, call=replace(caller.call, verb=verb))
        scopes.demand(caller, verb)

    async def on_record(self, verb: str, given: Mapping[str, Any], work: _Work) -> Exit | None:
        """Do what a command does, as a call: counted, allowed by its scope, and with an entry of how it ended."""
        from server import wiring
        from tools.recording import on_record

        async with wiring.recording(self.settings()) as calls:
            caller = calls.begin(
                self.caller, verb, _VIA, _plain(given), client=_program(), traceparent=os.environ.get(_TRACE)
            )
            async with on_record(calls, caller, beside=(BrokenPipeError,)) as self._call:
                done = await self._allowed(verb, work)
                self._call.outcome = done.name.lower() if done else self._call.outcome
        return done

    async def _allowed(self, verb: str, work: _Work) -> Exit | None:
        from domain.errors import InvalidArgumentError

        if verb not in UNSCOPED:
            self.demand(verb)
        try:
            done = work()
            return await done if isinstance(done, Awaitable) else done
        except typer.BadParameter as wrong:
            raise InvalidArgumentError(wrong.message) from wrong

    @asynccontextmanager
    async def services(self, *, folders: bool = False) -> AsyncIterator[Services]:
        """The use cases for a command that looks, or changes only our own records; it runs and adopts no saga.

        One that reads or changes what is in the `folders` has them proved first.
        """
        from server import wiring

        async with wiring.running(self.settings(), sagas=False, folders=folders) as services:
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
            where = settings.store.address.name if settings.store.shared else settings.data_dir
            raise InvalidArgumentError(
                f"--no-wait leaves the work to a running `serve`, and there is none on {where}.",
                field="no_wait",
                suggested_action="Start `dataset-lifecycle serve --transport http` there, or leave --no-wait out.",
            )
        async with wiring.running(settings, sagas=not no_wait, folders=no_wait) as services:
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

            work: _Work = partial(body, run, **given)
            if (verb := _verb(ctx)) not in UNRECORDED:
                work = partial(run.on_record, verb, given, work)
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


def _outcome(run: Invocation, work: _Work) -> int:
    """Do the work; whatever ends it becomes words and a code."""
    import logging

    from domain.errors import InternalError, LifecycleError
    from server import logs
    from tools.recording import cause

    level = os.environ.get("DATASET_LIFECYCLE_LOG", "").upper()
    logs.configure(level if level in logging.getLevelNamesMapping() else "WARNING")
    try:
        return _done(work()) or Exit.DONE
    except KeyboardInterrupt:
        run.output.note(run.if_interrupted)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        ended = cause(error)
        if isinstance(ended.__cause__, typer.BadParameter):
            raise ended.__cause__ from None
        if not isinstance(ended, LifecycleError):
            logging.getLogger(__name__).debug("the command failed by a bug", exc_info=error)
            ended = InternalError(
                f"This program failed ({type(ended).__name__}); that is a fault of its own."
            )
            ended.audit_id = run.audit_id
        return _told(run, ended)


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


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, as plain values."""
    return {
        name: value if isinstance(value, bool | int | float) else str(value)
        for name, value in given.items()
        if value is not None
    }


def _program() -> str:
    from importlib.metadata import version

    return f"dataset-lifecycle {version('dataset-lifecycle')}"
