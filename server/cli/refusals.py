"""An error as a person at a terminal reads it: what, why, what stands against it, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from server.cli.exits import Exit, exit_for
from server.cli.output import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.errors import BlockingCheck, LifecycleError

_HEADLINES: Final = {Exit.FAILED: "Failed", Exit.USAGE: "Wrong configuration", Exit.REFUSED: "Refused"}


def document(error: LifecycleError) -> dict[str, Any]:
    """The error object of the wire contract."""
    return {"error": error.as_dict()}


def refusal_text(error: LifecycleError) -> Text:
    """The same, in sentences."""
    return _text(
        _HEADLINES[exit_for(error)],
        error.as_dict(),
        [_block(each) for each in error.blocking],
    )


def _text(headline: str, error: Mapping[str, Any], blocks: list[str]) -> Text:
    text = Text()
    text.append(f"{headline}: {error['code']}\n", style="bold red")
    text.append(f"  {plain(error['message'])}\n")
    if blocks:
        text.append("  What stands against it, and what clears it:\n", style="bold")
        text.append("".join(blocks))
    lines = (
        ("Where", error.get("field")),
        ("Perhaps you mean", ", ".join(error.get("candidates", ()))),
        ("Try again in", f"{error['retry_after_s']:g} seconds" if "retry_after_s" in error else None),
        ("What to do", None if blocks else error.get("suggested_action")),
        ("On record as", error.get("audit_id")),
    )
    for name, value in lines:
        if value:
            text.append(f"  {name}: ", style="bold")
            text.append(f"{plain(value)}\n")
    text.rstrip()
    return text


def _block(check: BlockingCheck) -> str:
    since = f" (since {plain(check.since)})" if check.since else ""
    return f"    • {check.code}: {plain(check.what)}{since}\n      {plain(check.clears)}\n"
