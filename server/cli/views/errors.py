"""Views of an error: the wire object, and the text that says what happened, why, and what to do."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from server.cli.exit_codes import ExitCode, exit_code_for
from server.cli.output import format_value
from server.cli.views.command_words import say_for_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from domain.errors import BlockingCheck, LifecycleError

_HEADLINES: Final = {
    ExitCode.FAILED: "Failed",
    ExitCode.USAGE: "Wrong configuration",
    ExitCode.REFUSED: "Refused",
}
NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})


def serialize_error(error: LifecycleError) -> dict[str, Any]:
    """The error object of the wire contract."""
    return {"error": error.as_dict()}


def render_error(
    error: LifecycleError, options: Mapping[str, str] = NO_OPTIONS, *, about: str | None = None
) -> Text:
    """Render an error as text for a person.

    Args:
        error: the error.
        options: the option of each argument of the command, for the arguments that the error names.
        about: the name of what it is about, where a command has an error for each of several.
    """
    return _render_error_object(error, partial(say_for_command, options=options), options, about)


def _render_error_object(
    failure: LifecycleError, say: Callable[[str], str], options: Mapping[str, str], about: str | None
) -> Text:
    error = failure.as_dict()
    blocks = [_format_blocking_check(each, say) for each in failure.blocking]
    headline = f"{_HEADLINES[exit_code_for(failure)]}: {error['code']}"
    text = Text()
    text.append(
        f"{about}: {headline[0].lower()}{headline[1:]}\n" if about else f"{headline}\n", style="bold red"
    )
    text.append(f"  {say(format_value(error['message']))}\n")
    if blocks:
        text.append("  What blocks it, and what clears it:\n", style="bold")
        text.append("".join(blocks))
    lines = (
        ("Where", options.get(field, field) if (field := error.get("field")) else None),
        ("Did you mean", ", ".join(error.get("candidates", ()))),
        ("Try again in", f"{error['retry_after_s']:g} seconds" if "retry_after_s" in error else None),
        ("What to do", None if blocks else say(error.get("suggested_action", ""))),
        ("Audit entry", error.get("audit_id")),
    )
    for name, value in lines:
        if value:
            text.append(f"  {name}: ", style="bold")
            text.append(f"{format_value(value)}\n")
    text.rstrip()
    return text


def _format_blocking_check(check: BlockingCheck, say: Callable[[str], str]) -> str:
    since = f" (since {format_value(check.since)})" if check.since else ""
    return f"    • {check.code}: {say(format_value(check.what))}{since}\n      {say(format_value(check.clears))}\n"
