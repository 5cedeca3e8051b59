"""`restore`: bring an archived dataset back, and watch it come."""

from __future__ import annotations

from typing import Annotated

import typer

from server.cli.exits import Exit
from server.cli.invocation import Invocation, command
from server.cli.progress import bars
from server.cli.provision import NoWait, people


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "restore")(restore)


async def restore(
    run: Invocation,
    *,
    dataset_id: Annotated[str, typer.Argument(metavar="DATASET_ID", help="The dataset that was archived.")],
    journey_id: Annotated[
        str, typer.Option("--journey-id", help="An active journey of its client, at its stage or past it.")
    ],
    no_wait: NoWait = False,
) -> Exit | None:
    """Bring an archived dataset back as a new one, with the same documents, and wait until it is ready."""
    from tools.restore_dataset import answer

    async with run.work(no_wait=no_wait) as services:
        begun = await services.restoring.start(dataset_id, journey_id, run.caller)
        run.leaves_work(begun.dataset.dataset_id)
        with bars(run.output.aside) as bar:
            stands = await services.provisioning.wait(begun, 0 if no_wait else None, bar(begun.dataset.name))
        told = await answer(services, stands, run.caller)
    run.output.answer(
        told.body(),
        *people(told, ("restored from", told.restored_from), ("kept until", told.protected_until)),
    )
    return Exit.RUNNING if told.progress else None
