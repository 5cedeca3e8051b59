"""`cancel`: stop the saga that runs on a dataset, and have it undo its steps."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from server.cli.command import Invocation, command
from server.cli.exit_codes import ExitCode
from server.cli.views.progress_bars import show_progress

_CANCELLED: Final = "cancelled"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "cancel")(cancel_saga)


async def cancel_saga(
    run: Invocation, dataset_id: Annotated[str, typer.Argument(metavar="DATASET_ID", help="The dataset.")]
) -> ExitCode | None:
    """Cancel the provision or teardown that runs on a dataset, and wait until its steps are undone.

    A teardown can be cancelled until it begins to disconnect the dataset.
    """
    async with run.open_saga_services() as services:
        cancelling = await services.sagas.cancel(dataset_id, run.principal)
        run.announce_resumable_work(dataset_id)
        with show_progress(run.output.aside) as bar:
            dataset, _ = await services.sagas.wait(dataset_id, None, bar(cancelling.name))
    causes = (dataset.failure, dataset.teardown.failure if dataset.teardown else None)
    cancelled = any(each is not None and each.code == _CANCELLED for each in causes)
    to_undo = list(dataset.failure.to_undo) if dataset.failure else []
    document = {
        "name": dataset.name,
        "dataset_id": dataset.dataset_id,
        "status": dataset.status.value,
        "cancelled": cancelled,
        **({"to_undo": to_undo} if to_undo else {}),
    }
    left = f" Still to be undone: {', '.join(to_undo)}." if to_undo else ""
    how = "Cancelled" if cancelled else "It ended before it could be cancelled"
    run.output.print_answer(document, f"{how}: {dataset.name} is {dataset.status}.{left}")
    return None if cancelled else ExitCode.FAILED
