"""`datasets`: what there is, everything about one, its quality judged again, and its protection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.command import Invocation, command, on_terminal
from server.cli.output import render_table

if TYPE_CHECKING:
    from datetime import datetime

    from domain.governance import ProtectionResult

app = typer.Typer(
    help="What there is, everything about one, and its quality judged again.", no_args_is_help=True
)
DatasetId = Annotated[str, typer.Argument(metavar="DATASET_ID", help="The dataset.")]
_PAGE = 500


@command(app, "list")
async def list_datasets(run: Invocation) -> None:
    """List the datasets, those that were taken down too."""
    from domain.ports import DatasetQuery, iterate_pages
    from server.cli.views.dataset_json import serialize_dataset_summary

    async with run.open_services() as services:
        pages = iterate_pages(
            lambda after: services.datasets.list(DatasetQuery(after=after, limit=_PAGE), run.principal),
            lambda last: last.dataset_id,
        )
        found = [each async for page in pages for each in page]
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
    columns = ("name", "status", "records", "quality", "journey", "kept until", "made", "id")
    run.output.print_answer(
        {"items": [serialize_dataset_summary(each) for each in found], "count": len(found)},
        render_table(columns, rows, empty="There is no dataset yet: `provision`."),
    )


@command(app, "show")
async def show_dataset(run: Invocation, dataset_id: DatasetId) -> None:
    """Tell everything that is known about a dataset."""
    from server.cli.views.dataset import render_dataset
    from server.cli.views.dataset_json import serialize_dataset

    async with run.open_services() as services:
        shown = await services.datasets.show(dataset_id, run.principal)
        now = services.clock.now()
    run.output.print_answer(serialize_dataset(shown), *render_dataset(shown, now))


@command(app, "recheck")
async def recheck_dataset(run: Invocation, dataset_id: DatasetId) -> None:
    """Read what is staged and ask Glean again; only another verdict changes the status."""
    from domain.content import quality_issues
    from server.cli.commands.lifecycle.provision import render_issues
    from server.cli.views.dataset_json import serialize_dataset_summary

    async with run.open_services(folders=True) as services:
        judged = await services.datasets.recheck(dataset_id, run.principal)
    document: dict[str, Any] = serialize_dataset_summary(judged)
    people: list[Any] = [f"{judged.name} is {judged.status}."]
    if judged.quality:
        issues = quality_issues(judged.quality)
        document["quality"] = {"score": judged.quality.score, "issues": issues}
        people = [f"{judged.name} is {judged.status}, its quality {judged.quality.score:.1f} of 100."]
        people += [render_issues(issues)] if issues else []
    run.output.print_answer(document, *people)


@command(app, "protect")
async def protect_dataset(
    run: Invocation,
    dataset_id: DatasetId,
    until: Annotated[
        str,
        typer.Option(
            "--until", metavar="INSTANT", help="2026-03-05T18:00:00Z, or how long from now: 12h, 3d."
        ),
    ],
) -> None:
    """Keep a dataset until an instant, whatever becomes of its journey.

    Without a terminal a protection is only lengthened, to 30 days from now at most.
    """
    async with run.open_services() as services:
        moment = _parse_until(until, services.clock.now())
        kept = await services.leases.protect_dataset(dataset_id, moment, run.principal, person=on_terminal())
    _print_protection(run, kept)


@command(app, "unprotect")
async def unprotect_dataset(run: Invocation, dataset_id: DatasetId) -> None:
    """End a dataset's protection, and tell whether that exposes it. Only a person on a terminal may."""
    async with run.open_services() as services:
        kept = await services.leases.unprotect_dataset(dataset_id, run.principal, person=on_terminal())
    _print_protection(run, kept)


def _print_protection(run: Invocation, kept: ProtectionResult) -> None:
    from server.cli.output import format_value
    from server.cli.views.dataset_json import serialize_dataset_summary

    dataset = kept.dataset
    until = dataset.protected_until
    how = f"kept until {format_value(until)}" if until else "kept by no protection of its own"
    exposed = (
        f" {'From then on' if until else 'Now'} its journey does not keep it either: it can be taken down."
        if kept.exposed
        else ""
    )
    run.output.print_answer(
        {**serialize_dataset_summary(dataset), "exposed": kept.exposed}, f"{dataset.name} is {how}.{exposed}"
    )


def _parse_until(text: str, now: datetime) -> datetime:
    from domain.errors import InvalidArgumentError
    from domain.model import parse_duration, parse_timestamp

    try:
        return now + parse_duration(text, "until")
    except InvalidArgumentError:
        return parse_timestamp(text, "until")
