"""`datasets`: list and show datasets, check their quality again, refresh and protect them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from domain.errors import format_timestamp
from domain.model import DatasetStatus, DatasetType, Stage
from server.cli.command import Invocation, command, on_terminal
from server.cli.commands.lifecycle.provision import NoWait
from server.cli.exit_codes import ExitCode
from server.cli.listing import Cursor, Everything, Limit, Listing, Paging, load_by_key, print_listing
from server.cli.output import render_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from domain.governance import ProtectionResult
    from domain.lifecycle import RefreshResult
    from domain.model import Dataset

app = typer.Typer(
    help="List and show datasets, check their quality again, refresh and protect them.", no_args_is_help=True
)
DatasetId = Annotated[str, typer.Argument(metavar="DATASET_ID", help="The dataset.")]
_UP_TO_DATE: Final = "It was populated today already: nothing has happened since, and nothing was pushed."
_EMPTY: Final = (
    "There is no dataset. Make one with `dataset-lifecycle provision --client-id CLIENT --journey-id JOURNEY "
    "--stage sandbox --dataset-type confluence_pages`."
)


@command(app, "list")
async def list_datasets(
    run: Invocation,
    *,
    client_id: Annotated[
        str | None, typer.Option("--client-id", help="Only this client's.", show_default=False)
    ] = None,
    journey_id: Annotated[
        str | None, typer.Option("--journey-id", help="Only this journey's.", show_default=False)
    ] = None,
    stage: Annotated[
        Stage | None, typer.Option("--stage", help="Only those at this stage.", show_default=False)
    ] = None,
    dataset_type: Annotated[
        DatasetType | None,
        typer.Option("--dataset-type", help="Only those of this type.", show_default=False),
    ] = None,
    status: Annotated[
        DatasetStatus | None,
        typer.Option("--status", help="Only those of this status.", show_default=False),
    ] = None,
    limit: Limit = None,
    cursor: Cursor = None,
    everything: Everything = False,
) -> None:
    """List the datasets, including those that were taken down."""
    from domain.ports import DatasetQuery
    from server.cli.views.dataset_json import serialize_dataset_summary

    paging = Paging.parse(limit, cursor, everything=everything)
    query = DatasetQuery(
        client_id=client_id,
        journey_id=journey_id,
        stage=stage,
        dataset_type=dataset_type,
        statuses=(status,) if status else (),
    )
    async with run.open_services() as services:
        listing = Listing(
            load=load_by_key(
                "datasets",
                lambda after, count: services.datasets.list(
                    replace(query, after=after, limit=count), run.principal
                ),
                lambda last: last.dataset_id,
            ),
            serialize=serialize_dataset_summary,
            render=_render_datasets,
        )
        await print_listing(run, listing, paging)


def _render_datasets(found: Sequence[Dataset]) -> list[RenderableType]:
    rows = [
        (
            each.name,
            each.status.value,
            each.record_count,
            f"{each.quality.score:.1f}" if each.quality else None,
            each.journey_id,
            each.protected_until,
            each.created_at,
            each.dataset_id,
        )
        for each in found
    ]
    columns = ("name", "status", "records", "quality", "journey", "protected until", "created", "id")
    return [render_table(columns, rows, empty=_EMPTY)]


@command(app, "show")
async def show_dataset(run: Invocation, dataset_id: DatasetId) -> None:
    """Show everything that is known about a dataset."""
    from server.cli.views.dataset import render_dataset
    from server.cli.views.dataset_json import serialize_dataset

    async with run.open_services() as services:
        details = await services.datasets.show(dataset_id, run.principal)
        abandoned = await services.sagas.is_abandoned(details.dataset)
        now = services.clock.now()
    run.output.print_answer(
        serialize_dataset(details, abandoned=abandoned), *render_dataset(details, now, abandoned=abandoned)
    )


@command(app, "recheck")
async def recheck_dataset(run: Invocation, dataset_id: DatasetId) -> None:
    """Check a dataset's quality again, in its staged documents and in Glean.

    Its status changes only when the verdict does.
    """
    from functools import partial

    from domain.content import quality_issues
    from server.cli.commands.lifecycle.provision import render_issues
    from server.cli.views.dataset_json import serialize_dataset_summary

    async with run.open_saga_services() as services:
        check = partial(services.datasets.recheck, dataset_id, run.principal)
        checked = await services.sagas.call_past_abandoned_runs(check)
    document: dict[str, Any] = serialize_dataset_summary(checked)
    people: list[Any] = [f"{checked.name} is {checked.status}."]
    if checked.quality:
        issues = quality_issues(checked.quality)
        document["quality"] = {"score": checked.quality.score, "issues": issues}
        people = [f"{checked.name} is {checked.status}, its quality {checked.quality.score:.1f} of 100."]
        people += render_issues(issues) if issues else []
    run.output.print_answer(document, *people)


@command(app, "refresh")
async def refresh_dataset(run: Invocation, dataset_id: DatasetId, no_wait: NoWait = False) -> ExitCode | None:
    """Populate a dataset anew, as of today, so that it has what would have happened since.

    It needs generated data, or a template with relative time. What is served stays served until the new content is
    there, and stays for good when the refresh fails or is cancelled.
    """
    from domain.lifecycle import ProvisionResult
    from server.cli.commands.lifecycle.provision import render_provision_answer
    from server.cli.views.progress_bars import show_progress
    from tools.answers.provision import load_provision_answer

    async with run.open_saga_services(no_wait=no_wait) as services:
        begun = await services.refreshes.start_or_attach(dataset_id, run.principal)
        run.announce_resumable_work(dataset_id)
        with show_progress(run.output.aside) as bar:
            result = await services.refreshes.wait(begun, 0 if no_wait else None, bar(begun.dataset.name))
        told = ProvisionResult(dataset=result.dataset, created=True, progress=result.progress)
        answer = await load_provision_answer(services, told, run.principal)
    document = answer.as_dict() | _refresh_facts(result)
    del document["created"]  # a refresh makes no dataset
    people = render_provision_answer(
        answer,
        ("populated", result.dataset.populated_at),
        ("attempt", result.dataset.attempt),
        ("", _UP_TO_DATE if result.current else None),
        report=result.dataset.quality,
    )
    run.output.print_answer(document, *people)
    return ExitCode.RUNNING if answer.progress else None


def _refresh_facts(result: RefreshResult) -> dict[str, Any]:
    """The facts of an answer: `refreshed` is whether an attempt was made, by this call or the one it attached to."""
    return {
        "refreshed": not result.current,
        "attempt": result.dataset.attempt,
        "populated_at": format_timestamp(result.dataset.populated_at),
    }


@command(app, "protect")
async def protect_dataset(
    run: Invocation,
    dataset_id: DatasetId,
    until: Annotated[
        str,
        typer.Option(
            "--until",
            metavar="INSTANT",
            help="An instant (2026-03-05T18:00:00Z), or a duration from now (12h, 3d).",
        ),
    ],
) -> None:
    """Protect a dataset from teardown until an instant, whatever happens to its journey.

    Without a terminal, a protection can only be lengthened, to at most 30 days from now.
    """
    async with run.open_services() as services:
        moment = _parse_until(until, services.clock.now())
        result = await services.leases.protect_dataset(
            dataset_id, moment, run.principal, person=on_terminal()
        )
    _print_protection(run, result)


@command(app, "unprotect")
async def unprotect_dataset(run: Invocation, dataset_id: DatasetId) -> None:
    """End a dataset's protection, and say whether it can be taken down now. Needs a person on a terminal."""
    async with run.open_services() as services:
        result = await services.leases.unprotect_dataset(dataset_id, run.principal, person=on_terminal())
    _print_protection(run, result)


def _print_protection(run: Invocation, result: ProtectionResult) -> None:
    from server.cli.output import format_value
    from server.cli.views.dataset_json import serialize_dataset_summary

    dataset = result.dataset
    until = dataset.protected_until
    how = f"protected until {format_value(until)}" if until else "not protected by itself any more"
    exposed = (
        f" Its journey does not protect it: {'from then on' if until else 'now'} it can be taken down."
        if result.exposed
        else ""
    )
    run.output.print_answer(
        {**serialize_dataset_summary(dataset), "exposed": result.exposed},
        f"{dataset.name} is {how}.{exposed}",
    )


def _parse_until(text: str, now: datetime) -> datetime:
    from domain.errors import InvalidArgumentError
    from domain.model import parse_duration, parse_timestamp

    try:
        return now + parse_duration(text, "until")
    except InvalidArgumentError:
        return parse_timestamp(text, "until")
