"""`teardown`: archive a dataset, and remove its connector and staged documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domain.model import TeardownReason
from server.cli.command import Invocation, command
from server.cli.commands.lifecycle.group_teardown import tear_down_group
from server.cli.commands.lifecycle.provision import NoWait
from server.cli.commands.lifecycle.terminal_confirmer import terminal_confirmer
from server.cli.exit_codes import ExitCode
from server.cli.output import render_facts, render_section
from server.cli.views.progress_bars import show_progress

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tools.answers.teardown import TeardownAnswer


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "teardown")(teardown_dataset)


async def teardown_dataset(
    run: Invocation,
    *,
    dataset_id: Annotated[
        str | None, typer.Option("--dataset-id", help="The dataset.", show_default=False)
    ] = None,
    client_id: Annotated[
        str | None,
        typer.Option("--client-id", help="Instead: every live dataset of this client.", show_default=False),
    ] = None,
    journey_id: Annotated[
        str | None,
        typer.Option("--journey-id", help="Instead: every live dataset of this journey.", show_default=False),
    ] = None,
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

    With --client-id or --journey-id, all live datasets of a client or a journey: a person at a terminal is asked once,
    every dataset is checked by itself, and what became of each is told. The exit code is 3 when any was refused, else 1
    when any failed.

    A person must confirm a teardown past sandbox, one with the reason manual, and every waiver: on a terminal by typing
    the dataset's name, elsewhere by answering an approval request. Once it is approved, run the same command again.
    """
    from tools.answers.teardown import load_teardown_answer

    grouped = client_id is not None or journey_id is not None
    if grouped is (dataset_id is not None):
        raise typer.BadParameter("Name either one dataset (--dataset-id), or a --client-id or --journey-id.")
    if grouped and abandon_connector:
        raise typer.BadParameter("--abandon-connector is for one dataset.")
    if dataset_id is None:
        return await tear_down_group(run, reason, client_id=client_id, journey_id=journey_id, no_wait=no_wait)
    async with run.open_saga_services(no_wait=no_wait) as services:
        begun = await services.teardowns.start_or_attach(
            dataset_id, reason, run.principal, terminal_confirmer(run, services), abandon=abandon_connector
        )
        run.announce_resumable_work(dataset_id)
        with show_progress(run.output.aside) as bar:
            result = await services.teardowns.wait(begun, 0 if no_wait else None, bar(begun.dataset.name))
        answer = await load_teardown_answer(services, result, run.principal)
    run.output.print_answer(answer.as_dict(), *_render_teardown(answer))
    return ExitCode.RUNNING if answer.progress else None


def _render_teardown(answer: TeardownAnswer) -> list[RenderableType]:
    return [
        render_section(
            f"{answer.name} is {answer.status}.",
            render_facts(
                (
                    ("dataset", answer.dataset_id),
                    ("connector", answer.connector_outcome),
                    ("glean", answer.platform and answer.platform.address),
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
