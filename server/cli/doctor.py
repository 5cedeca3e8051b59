"""`doctor`: whether everything that is needed is there, and what to do about what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from server.cli.exits import Exit
from server.cli.invocation import Invocation, command
from server.cli.output import table

if TYPE_CHECKING:
    from server.doctor import Finding


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor")(doctor)


async def doctor(run: Invocation) -> Exit | None:
    """Check everything that is needed, webhooks and schedules too, and change nothing."""
    from domain.errors import SettingsError
    from server import wiring

    try:
        found = await wiring.diagnosed(run.settings())
    except SettingsError as error:
        found = await wiring.diagnosed(error)
    well = all(each.ok for each in found)
    items = [
        {
            "area": each.area,
            "ok": each.ok,
            "message": each.message,
            **({"action": each.action} if each.action else {}),
            **({"warning": True} if each.warning else {}),
        }
        for each in found
    ]
    rows = [(each.area, _word(each), each.message, each.action or None) for each in found]
    columns = ("what", "", "found", "what to do")
    run.output.answer({"ok": well, "findings": items}, table(columns, rows, empty=""))
    return None if well else Exit.FAILED


def _word(finding: Finding) -> str:
    if not finding.ok:
        return "wrong"
    return "warning" if finding.warning else "ok"
