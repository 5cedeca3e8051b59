"""`doctor`: check everything that the server needs, and say what to do about each finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from server.cli.command import Invocation, command
from server.cli.exit_codes import ExitCode
from server.cli.output import render_table

if TYPE_CHECKING:
    from server.doctor.report import Finding


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor")(run_doctor)


async def run_doctor(run: Invocation) -> ExitCode | None:
    """Check everything that the server needs, including webhooks and schedules. Changes nothing."""
    from domain.errors import SettingsError
    from server.composition.diagnostics import run_doctor
    from server.web.auth.jwks import count_keys

    try:
        findings = await run_doctor(run.load_settings(), count_keys)
    except SettingsError as error:
        # Wrong settings are the first finding, not a failure of this command.
        findings = await run_doctor(error)
    ok = all(each.ok for each in findings)
    items = [
        {
            "area": each.area,
            "ok": each.ok,
            "message": each.message,
            **({"action": each.action} if each.action else {}),
            **({"warning": True} if each.warning else {}),
        }
        for each in findings
    ]
    rows = [(each.area, _finding_status(each), each.message) for each in findings]
    # Below the table, because the command in an action could not be copied from the lines of a column.
    actions = [f"What to do about {each.area}: {each.action}" for each in findings if each.action]
    table = render_table(("what", "", "found"), rows, empty="")
    run.output.print_answer({"ok": ok, "findings": items}, table, *actions)
    return None if ok else ExitCode.FAILED


def _finding_status(finding: Finding) -> str:
    if not finding.ok:
        return "wrong"
    return "warning" if finding.warning else "ok"
