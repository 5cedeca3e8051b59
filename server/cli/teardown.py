"""`teardown`: archive a dataset, and take away what served it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domain.callers import APPROVE
from domain.vocabulary import TeardownReason
from server.cli.exits import Exit
from server.cli.invocation import Invocation, command, on_terminal
from server.cli.output import facts, section
from server.cli.progress import bars
from server.cli.provision import NoWait

if TYPE_CHECKING:
    from rich.console import RenderableType

    from domain.requests import Confirmer
    from tools.services import Services
    from tools.teardown_dataset import TeardownAnswer


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "teardown")(teardown)


async def teardown(
    run: Invocation,
    dataset_id: Annotated[str, typer.Option("--dataset-id", help="The dataset.")],
    reason: Annotated[TeardownReason, typer.Option("--reason", help="Checked against the facts.")],
    abandon_connector: Annotated[
        bool,
        typer.Option(
            "--abandon-connector",
            help="Leave the connector where it is, in a Glean that has gone for good; a person approves just that.",
        ),
    ] = False,
    no_wait: NoWait = False,
) -> Exit | None:
    """Archive a dataset, verify the archive, and remove its connector and what is staged.

    Past sandbox, for the reason manual, and for whatever it is to go without, a person confirms it: on a terminal by
    typing the dataset's name, elsewhere by an approval request, after which the same command goes on.
    """
    from tools.teardown_dataset import told

    async with run.work(no_wait=no_wait) as services:
        begun = await services.teardowns.start_or_attach(
            dataset_id, reason, run.caller, _confirmer(run, services), abandon=abandon_connector
        )
        run.leaves_work(dataset_id)
        with bars(run.output.aside) as bar:
            stands = await services.teardowns.wait(begun, 0 if no_wait else None, bar(begun.dataset.name))
        answer = await told(services, stands, run.caller)
    run.output.answer(answer.body(), *_people(answer))
    return Exit.RUNNING if answer.progress else None


def _confirmer(run: Invocation, services: Services) -> Confirmer | None:
    """The person on this terminal; None where there is none, and a request is filed."""
    if not on_terminal():
        return None
    from server.cli.confirming import TypedName

    alone = run.caller.may(APPROVE) and not run.settings().identity.configured
    return TypedName(run.output.aside, services.approvals, services.clock, alone=alone)


def _people(answer: TeardownAnswer) -> list[RenderableType]:
    return [
        section(
            f"{answer.name} is {answer.status}.",
            facts(
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
