"""Views of an error: the wire object, and the text that says what happened, why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from server.cli.exit_codes import ExitCode, exit_code_for
from server.cli.output import format_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.errors import BlockingCheck, LifecycleError

_HEADLINES: Final = {
    ExitCode.FAILED: "Failed",
    ExitCode.USAGE: "Wrong configuration",
    ExitCode.REFUSED: "Refused",
}


def serialize_error(error: LifecycleError) -> dict[str, Any]:
    """The error object of the wire contract."""
    return {"error": error.as_dict()}


def render_error(error: LifecycleError) -> Text:
    """Render an error as text for a person."""
    return _render_error_object(
        _HEADLINES[exit_code_for(error)],
        error.as_dict(),
        [_format_blocking_check(each) for each in error.blocking],
    )


def _render_error_object(headline: str, error: Mapping[str, Any], blocks: list[str]) -> Text:
    text = Text()
    text.append(f"{headline}: {error['code']}\n", style="bold red")
    text.append(f"  {format_value(error['message'])}\n")
    if blocks:
        text.append("  What blocks it, and what clears it:\n", style="bold")
        text.append("".join(blocks))
    lines = (
        ("Where", error.get("field")),
        ("Did you mean", ", ".join(error.get("candidates", ()))),
        ("Try again in", f"{error['retry_after_s']:g} seconds" if "retry_after_s" in error else None),
        ("What to do", None if blocks else error.get("suggested_action")),
        ("Audit entry", error.get("audit_id")),
    )
    for name, value in lines:
        if value:
            text.append(f"  {name}: ", style="bold")
            text.append(f"{format_value(value)}\n")
    text.rstrip()
    return text


def _format_blocking_check(check: BlockingCheck) -> str:
    since = f" (since {format_value(check.since)})" if check.since else ""
    return f"    • {check.code}: {format_value(check.what)}{since}\n      {format_value(check.clears)}\n"
