"""`restore`: bring an archived dataset back, showing its progress."""

from __future__ import annotations

from typing import Annotated

import typer

from server.cli.command import Invocation, command
from server.cli.commands.lifecycle.provision import NoWait, render_provision_answer
from server.cli.exit_codes import ExitCode
from server.cli.views.progress_bars import show_progress


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "restore")(restore_dataset)


async def restore_dataset(
    run: Invocation,
    *,
    dataset_id: Annotated[str, typer.Argument(metavar="DATASET_ID", help="The dataset that was archived.")],
    journey_id: Annotated[
        str,
        typer.Option(
            "--journey-id", help="An active journey of the client, at the dataset's stage or past it."
        ),
    ],
    no_wait: NoWait = False,
) -> ExitCode | None:
    """Bring an archived dataset back as a new one, with the same documents, and wait until it is ready."""
    from tools.answers.restore import load_restore_answer

    async with run.open_saga_services(no_wait=no_wait) as services:
        begun = await services.restores.start_or_attach(dataset_id, journey_id, run.principal)
        run.announce_resumable_work(begun.dataset.dataset_id)
        with show_progress(run.output.aside) as bar:
            result = await services.provisioning.wait(begun, 0 if no_wait else None, bar(begun.dataset.name))
        answer = await load_restore_answer(services, result, run.principal)
    run.output.print_answer(
        answer.as_dict(),
        *render_provision_answer(
            answer, ("restored from", answer.restored_from), ("protected until", answer.protected_until)
        ),
    )
    return ExitCode.RUNNING if answer.progress else None
