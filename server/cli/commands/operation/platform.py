"""`platform`: which Glean the data folder belongs to, and its move to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from domain.errors import DeclinedError, ForbiddenError
from server.cli.command import Invocation, command, on_terminal
from server.cli.output import render_facts
from server.cli.prompts import ask_for_phrase

if TYPE_CHECKING:
    from domain.connectors import HomeStatus
    from domain.model import Fingerprint

app = typer.Typer(help="Which Glean this data folder belongs to.", no_args_is_help=True)


@command(app, "show")
async def show_platform(run: Invocation) -> None:
    """Show the Glean that this data folder belongs to, and the one that is configured. Changes nothing."""
    async with run.open_services() as services:
        _print_status(run, await services.home.load_status())


@command(app, "move")
async def move_platform(run: Invocation) -> None:
    """Move this data folder to the Glean that is configured, once nothing lives on the one that it belongs to.

    A person confirms it on a terminal by typing the new address. Archives stay, and can be restored there.
    """
    from domain.connectors import require_movable

    if not on_terminal():
        raise ForbiddenError(
            "Only a person on a terminal can move a data folder, and this command has no terminal.",
            suggested_action="Ask the operator: a person must run `dataset-lifecycle platform move` on a terminal.",
        )
    async with run.open_services() as services:
        status = await services.home.load_status()
        if not status.at_home:
            require_movable(status)
            phrase = status.here.url
            run.output.print_note(render_facts(_facts(status)[:3]))
            if await ask_for_phrase(run.output.aside, "the configured address", phrase) != phrase:
                raise DeclinedError(f"The typed text is not {phrase}. Nothing was changed.")
            status = await services.home.move(status, run.principal)
    _print_status(run, status)


def _print_status(run: Invocation, status: HomeStatus) -> None:
    document: dict[str, Any] = {
        **({"belongs_to": _serialize_platform(status.home)} if status.home else {}),
        "configured": _serialize_platform(status.here),
        "may_begin": status.refusal is None,
    }
    run.output.print_answer(document, render_facts(_facts(status)))


def _facts(status: HomeStatus) -> tuple[tuple[str, object], ...]:
    home = status.home
    return (
        ("data folder of", home.describe() if home else "no Glean yet: its first dataset decides"),
        ("configured", status.here.describe()),
        ("lives there", None if status.at_home else f"{status.inhabitants} there"),
        ("so", None if status.at_home else _consequence(status)),
        ("what to do", status.refusal.suggested_action if status.refusal else None),
    )


def _consequence(status: HomeStatus) -> str:
    if status.refusal:
        return "nothing is begun with this configuration"
    return "the next dataset takes the data folder to the configured Glean"


def _serialize_platform(platform: Fingerprint) -> dict[str, str]:
    tenant = {"tenant": platform.tenant} if platform.tenant else {}
    return {"kind": platform.kind, "address": platform.shown_address, "dialect": platform.dialect, **tenant}
