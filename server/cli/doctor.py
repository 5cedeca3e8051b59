"""`doctor`: whether everything that is needed is there, and what to do about what is not."""

from __future__ import annotations

import typer

from server.cli.exits import Exit
from server.cli.invocation import Invocation, command
from server.cli.output import table


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor")(doctor)


async def doctor(run: Invocation) -> Exit | None:
    """Check configuration, repository, Glean (reading only), store, staging and archives."""
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
        }
        for each in found
    ]
    rows = [(each.area, "ok" if each.ok else "wrong", each.message, each.action or None) for each in found]
    columns = ("what", "", "found", "what to do")
    run.output.answer({"ok": well, "findings": items}, table(columns, rows, empty=""))
    return None if well else Exit.FAILED
