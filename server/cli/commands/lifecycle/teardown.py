"""`teardown`: archive a dataset, and remove its connector and staged documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domain.model import SCOPE_APPROVE, TeardownReason
from server.cli.command import Invocation, command, on_terminal
from server.cli.commands.lifecycle.provision import NoWait
from server.cli.exit_codes import ExitCode
from server.cli.output import render_facts, render_section
from server.cli.views.progress_bars import show_progress

if TYPE_CHECKING:
    from rich.console import RenderableType

    from domain.model import Confirmer
    from tools.answers.teardown import TeardownAnswer
    from tools.services import Services


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "teardown")(teardown_dataset)


async def teardown_dataset(
    run: Invocation,
    dataset_id: Annotated[str, typer.Option("--dataset-id", help="The dataset.")],
    reason: Annotated[TeardownReason, typer.Option("--reason", help="Why; it is checked against the facts.")],
    abandon_connector: Annotated[
        bool,
        typer.Option(
            "--abandon-connector",
            help="Leave the connector in a Glean that is gone for good; a person must approve this.",
        ),
    ] = False,
    no_wait: NoWait = False,
) -> ExitCode | None:
    """Archive a dataset, verify the archive, and remove its connector and its staged documents.

    A person must confirm a teardown past sandbox, one with the reason manual, and every waiver: on a terminal by typing
    the dataset's name, elsewhere by answering an approval request. Once it is approved, run the same command again.
    """
    from tools.answers.teardown import load_teardown_answer

    async with run.open_saga_services(no_wait=no_wait) as services:
        begun = await services.teardowns.start_or_attach(
            dataset_id, reason, run.principal, _confirmer(run, services), abandon=abandon_connector
        )
        run.announce_resumable_work(dataset_id)
        with show_progress(run.output.aside) as bar:
            result = await services.teardowns.wait(begun, 0 if no_wait else None, bar(begun.dataset.name))
        answer = await load_teardown_answer(services, result, run.principal)
    run.output.print_answer(answer.as_dict(), *_render_teardown(answer))
    return ExitCode.RUNNING if answer.progress else None


def _confirmer(run: Invocation, services: Services) -> Confirmer | None:
    """The confirmer for a person on this terminal; None without a terminal, so that a request is filed."""
    if not on_terminal():
        return None
    from server.cli.prompts import TypedNameConfirmer

    alone = run.principal.has_scope(SCOPE_APPROVE) and not run.load_settings().identity.configured
    return TypedNameConfirmer(run.output.aside, services.approvals, services.clock, alone=alone)


def _render_teardown(answer: TeardownAnswer) -> list[RenderableType]:
    return [
        render_section(
            f"{answer.name} is {answer.status}.",
            render_facts(
                (
                    ("dataset", answer.dataset_id),
                    ("connector", answer.connector_outcome),
                    ("left to do", answer.manual_step),
                    (
                        "no content left" if answer.manual_step else "nothing left",
                        "verified" if answer.cleanup_verified else None,
                    ),
                    ("archive", answer.archived_path),
                    ("restorable until", answer.restorable_until),
                    ("purged", answer.purged_at),
                    ("running", answer.progress and answer.progress.message),
                )
            ),
        )
    ]
