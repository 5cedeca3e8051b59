"""What every command has in common: three options, settings, the principal, an audit entry and an exit code."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeVar, get_type_hints

import typer

from server.cli.exit_codes import ExitCode, exit_code_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from domain.errors import LifecycleError, StoreUnavailableError
    from domain.model import Principal
    from server.cli.output import Output
    from server.settings import Settings
    from tools.edge.call_audit import AuditedCall
    from tools.services import Services

_Work = Callable[[], Awaitable[ExitCode | None] | ExitCode | None]
B = TypeVar("B", bound="Callable[..., Awaitable[ExitCode | None] | ExitCode | None]")
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
"""Commands without an audit entry: they use no configured data, only read, or answer the calls of others."""
UNSCOPED: Final = UNRECORDED | {"cancel"}
"""Commands that require no scope up front: those, and `cancel`, whose scope depends on the saga that runs."""
_VIA: Final = "cli"
_TRACE: Final = "TRACEPARENT"
"""The environment variable with the W3C trace context of the calling program, as OpenTelemetry's tools set it."""
_LOG_LEVEL: Final = "DATASET_LIFECYCLE_LOG"
_INTERRUPTED: Final = "Interrupted."


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One command, as it was called.

    `command_options` gives the options that complete the commands in what is printed. `options` has the option of each
    of its arguments, as a person types it; `interrupt_message` is printed on Ctrl-C.
    """

    as_json: bool = False
    command_options: Callable[[], str] = str
    data_dir: Path | None
    config: Path | None
    options: Mapping[str, str] = field(default_factory=dict)
    interrupt_message: str = _INTERRUPTED
    _output: Output | None = field(default=None, init=False)
    _told_stuck: bool = field(default=False, init=False)
    _settings: Settings | None = field(default=None, init=False)
    _call: AuditedCall | None = field(default=None, init=False)

    @property
    def output(self) -> Output:
        """The streams to which it prints, opened when it does: a server prints nothing."""
        from server.cli.output import Output

        if self._output is None:
            self._output = Output(as_json=self.as_json, command_options=self.command_options)
        return self._output

    def load_settings(self) -> Settings:
        """The settings, loaded on the first call. Raises SettingsError."""
        from server.settings import load_settings

        if self._settings is None:
            self._settings = load_settings(os.environ, config_path=self.config, data_dir=self.data_dir)
        return self._settings

    @property
    def principal(self) -> Principal:
        """The principal: a person on a terminal, else an agent; named by this account, with its granted scopes."""
        from domain.model import Principal

        if self._call is not None:
            return self._call.principal
        principal = Principal(subject=f"{'person' if on_terminal() else 'agent'}:{account_name()}")
        return self.load_settings().identity.local.restrict_principal(principal)

    @property
    def audit_id(self) -> str | None:
        """The id of the command's audit entry; None for a command that has none."""
        call = self._call.principal.call if self._call else None
        return call.audit_id if call else None

    def require_scope(self, verb: str) -> None:
        """Record the exact verb of the call, and require its scope. Raises ForbiddenError."""
        from domain import policy

        principal = self.principal
        # The verb goes on record first, so that a refusal names what was refused.
        if self._call is not None and principal.call is not None:
            self._call.principal = principal = replace(principal, call=replace(principal.call, verb=verb))
        policy.require_scope(principal, verb)

    async def run_audited(self, verb: str, given: Mapping[str, Any], work: _Work) -> ExitCode | None:
        """Run a command as a call: counted against the rate limits, authorized, and with an audit entry."""
        from server.composition.process import open_call_audit
        from tools.edge.call_audit import audit_call

        async with open_call_audit(self.load_settings()) as calls:
            principal = calls.begin(
                self.principal,
                verb,
                _VIA,
                _plain_arguments(given),
                client=_program_version(),
                traceparent=os.environ.get(_TRACE),
            )
            # A pipe that its reader closed, such as `| head`, is no failure of the command.
            async with audit_call(calls, principal, expected_errors=(BrokenPipeError,)) as self._call:
                code = await self._run_authorized(verb, work)
                self._call.outcome = code.name.lower() if code else self._call.outcome
        return code

    async def _run_authorized(self, verb: str, work: _Work) -> ExitCode | None:
        from domain.errors import InvalidArgumentError

        if verb not in UNSCOPED:
            self.require_scope(verb)
        try:
            result = work()
            return await result if isinstance(result, Awaitable) else result
        except typer.BadParameter as error:
            # On record it is an invalid argument, not a bug; typer gets its own error back in `_run_to_exit_code`.
            raise InvalidArgumentError(error.message) from error

    @asynccontextmanager
    async def open_services(self, *, folders: bool = False) -> AsyncIterator[Services]:
        """Open the use cases for a command that only reads or changes our own records; it runs no saga.

        Args:
            folders: whether the command uses the staging or archive folder, so that their markers are checked first.
        """
        from server.composition.process import open_services

        async with open_services(self.load_settings(), sagas=False, folders=folders) as services:
            if notice := (await services.home.load_configured_status()).notice:
                self.output.print_note(notice)
            yield services

    @asynccontextmanager
    async def open_saga_services(
        self, settings: Settings | None = None, *, no_wait: bool = False
    ) -> AsyncIterator[Services]:
        """Open the use cases for a command whose sagas this process runs, together with those of dead processes.

        A run that nobody works on is finished where it would refuse the command. With `no_wait`, a running server on
        the same store runs them. Raises InvalidArgumentError when there is none.
        """
        from domain.errors import InvalidArgumentError
        from server.composition.process import open_services
        from server.composition.stores import is_server_running

        if on_terminal() and not os.environ.get(_LOG_LEVEL):
            from server.infra.logging import silence_store_trouble

            silence_store_trouble()
        settings = settings or self.load_settings()
        if no_wait and not is_server_running(settings):
            where = settings.store.address.name if settings.store.shared else settings.data_dir
            raise InvalidArgumentError(
                f"--no-wait leaves the work to a running `serve`, and none is running on {where}.",
                field="no_wait",
                suggested_action="Start `dataset-lifecycle serve --transport http` there, or omit --no-wait.",
            )
        async with open_services(settings, sagas=not no_wait, folders=no_wait) as services:
            status = await services.home.load_configured_status()
            if status.follows and status.notice:
                self.output.print_note(status.notice)
            services.sagas.react_to_stuck(self._tell_stuck if on_terminal() else _raise)
            yield services

    def _tell_stuck(self, error: StoreUnavailableError) -> None:
        """Say once to the person at this terminal what the work waits for: they can make room on a full disk."""
        if not self._told_stuck:
            self._told_stuck = True
            self.output.print_note(
                f"The work waits: {error.message} It goes on by itself once that is mended. "
                "Ctrl-C leaves it for later."
            )

    def announce_resumable_work(self, dataset_id: str) -> None:
        """Say on Ctrl-C, from now on, that the work on a dataset is not lost and how it continues."""
        self.interrupt_message = (
            f"Interrupted. The work on {dataset_id} is not lost: it continues when you run this command again, "
            "and without you where a `serve` runs on the same data folder."
        )


def _raise(error: StoreUnavailableError) -> NoReturn:
    """End a wait with whom nobody looks on, who would make room on a full disk."""
    raise error


def on_terminal() -> bool:
    """Whether a person is at this terminal, who can be asked and can type an answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def account_name() -> str:
    """The name of the account that runs this process, or its number when it has none."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def command(app: typer.Typer, name: str) -> Callable[[B], B]:
    """Register a function as the command `name`; its docstring becomes the help text.

    The function takes the invocation and its own options. It returns an exit code, or None for success, and may be
    async. `--json`, `--data-dir` and `--config` are added to every command.
    """

    def register(body: B) -> B:
        def entry(ctx: typer.Context, **given: Any) -> None:
            shared = ctx.find_root().params
            data_dir = given.pop("data_dir") or shared.get("data_dir")
            config = given.pop("config") or shared.get("config")
            options = partial(_find_command_options, config, data_dir)
            run = Invocation(
                as_json=given.pop("as_json"),
                command_options=options,
                data_dir=data_dir,
                config=config,
                options={
                    str(each.name): each.opts[0]
                    for each in ctx.command.params
                    if each.opts[0].startswith("-")
                },
            )

            work: _Work = partial(body, run, **given)
            if (verb := _verb(ctx)) not in UNRECORDED:
                work = partial(run.run_audited, verb, given, work)
            raise typer.Exit(_run_to_exit_code(run, work))

        hints = get_type_hints(body, include_extras=True)
        own = [
            each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for each in list(inspect.signature(body).parameters.values())[1:]
        ]
        # typer reads the options from the signature; no type declares this attribute, which `inspect` honours.
        entry.__signature__ = inspect.Signature([_keyword_parameter("ctx", typer.Context), *own, *_COMMON])  # type: ignore[attr-defined]
        # A terminal wraps paragraphs at its own width, so line breaks of the source would only tear them.
        paragraphs = (inspect.getdoc(body) or "").split("\n\n")
        app.command(name, help="\n\n".join(each.replace("\n", " ") for each in paragraphs))(entry)
        return body

    return register


def _find_command_options(config: Path | None, data_dir: Path | None) -> str:
    """The options of this command for those that it shows; none when they cannot be resolved, which it then says."""
    from domain.errors import SettingsError
    from server.settings import find_command_options

    try:
        return find_command_options(os.environ, config, data_dir)
    except SettingsError:
        return ""


def _verb(ctx: typer.Context) -> str:
    """The command with its groups, without the program's name: `datasets show`."""
    # click types a parent as its own Context; here it is always typer's.
    return f"{_verb(ctx.parent)} {ctx.info_name}".strip() if ctx.parent else ""  # type: ignore[arg-type]


def _keyword_parameter(
    name: str, annotation: object, default: object = inspect.Parameter.empty
) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


_COMMON: Final = (
    _keyword_parameter("as_json", Json, default=False),
    _keyword_parameter("data_dir", DataDir, default=None),
    _keyword_parameter("config", Config, default=None),
)


def _run_to_exit_code(run: Invocation, work: _Work) -> int:
    """Run the work, print the error that it ends with, and return the exit code."""
    import logging

    from domain.errors import InternalError, LifecycleError
    from server.infra.logging import configure_logging
    from tools.edge.call_audit import root_cause

    level = os.environ.get(_LOG_LEVEL, "").upper()
    configure_logging(level if level in logging.getLevelNamesMapping() else "WARNING")
    try:
        return _run_work(work) or ExitCode.DONE
    except KeyboardInterrupt:
        run.output.print_note(run.interrupt_message)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # click ends the program quietly; printing an error would fail on the same pipe.
        raise
    except Exception as error:
        cause = root_cause(error)
        if isinstance(cause.__cause__, typer.BadParameter):
            raise cause.__cause__ from None
        if not isinstance(cause, LifecycleError):
            logging.getLogger(__name__).debug("the command failed by a bug", exc_info=error)
            cause = InternalError(
                f"This program failed because of a bug of its own ({type(cause).__name__})."
            )
            cause.audit_id = run.audit_id
        return _print_error(run, cause)


def _run_work(work: _Work) -> ExitCode | None:
    begun = work()
    if begun is None or isinstance(begun, ExitCode):
        return begun
    try:
        import anyio

        async def await_work() -> ExitCode | None:
            return await begun

        return anyio.run(await_work)
    finally:
        # Ctrl-C may come while anyio is imported; Python complains of a coroutine that was never begun.
        if inspect.iscoroutine(begun):
            begun.close()


def _print_error(run: Invocation, error: LifecycleError) -> ExitCode:
    from server.cli.views.errors import render_error, serialize_error

    run.output.print_error(serialize_error(error), render_error(error, run.options))
    return exit_code_for(error)


def _plain_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, as JSON values for the audit log."""
    return {
        name: value if isinstance(value, bool | int | float) else str(value)
        for name, value in given.items()
        if value is not None
    }


def _program_version() -> str:
    from importlib.metadata import version

    return f"dataset-lifecycle {version('dataset-lifecycle')}"
