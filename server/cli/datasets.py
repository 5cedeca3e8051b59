"""`datasets`: what there is, everything about one, its quality judged again, and its protection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.invocation import Invocation, command, on_terminal
from server.cli.output import table

if TYPE_CHECKING:
    from datetime import datetime

    from domain.keeping import Kept
    from domain.model import Dataset

app = typer.Typer(
    help="What there is, everything about one, and its quality judged again.", no_args_is_help=True
)

DatasetId = Annotated[str, typer.Argument(metavar="DATASET_ID", help="The dataset.")]
_PAGE = 500


@command(app, "list")
async def show_all(run: Invocation) -> None:
    """List the datasets, those that were taken down too."""
    from domain.records import DatasetQuery
    from server.cli.dataset_document import summary

    found: list[Dataset] = []
    async with run.services() as services:
        after: str | None = None
        while page := await services.datasets.list(DatasetQuery(after=after, limit=_PAGE), run.caller):
            found += page
            after = page[-1].dataset_id
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
    run.output.answer(
        {"items": [summary(each) for each in found], "count": len(found)},
        table(columns, rows, empty="There is no dataset yet: `provision`."),
    )


@command(app, "show")
async def show(run: Invocation, dataset_id: DatasetId) -> None:
    """Tell everything that is known about a dataset."""
    from server.cli.dataset_document import whole
    from server.cli.dataset_text import paragraphs

    async with run.services() as services:
        shown = await services.datasets.show(dataset_id, run.caller)
        now = services.clock.now()
    run.output.answer(whole(shown), *paragraphs(shown, now))


@command(app, "recheck")
async def recheck(run: Invocation, dataset_id: DatasetId) -> None:
    """Read what is staged and ask Glean again; only another verdict changes the status."""
    from domain import quality
    from server.cli.dataset_document import summary
    from server.cli.provision import issues_table

    async with run.services(folders=True) as services:
        judged = await services.datasets.recheck(dataset_id, run.caller)
    document: dict[str, Any] = summary(judged)
    people: list[Any] = [f"{judged.name} is {judged.status}."]
    if judged.quality:
        issues = quality.issues(judged.quality)
        document["quality"] = {"score": judged.quality.score, "issues": issues}
        people = [f"{judged.name} is {judged.status}, its quality {judged.quality.score:.1f} of 100."]
        people += [issues_table(issues)] if issues else []
    run.output.answer(document, *people)


@command(app, "protect")
async def protect(
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
    async with run.services() as services:
        moment = _moment(until, services.clock.now())
        kept = await services.keeping.protect(dataset_id, moment, run.caller, person=on_terminal())
    _tell(run, kept)


@command(app, "unprotect")
async def unprotect(run: Invocation, dataset_id: DatasetId) -> None:
    """End a dataset's protection, and tell whether that exposes it. Only a person on a terminal may."""
    async with run.services() as services:
        kept = await services.keeping.unprotect(dataset_id, run.caller, person=on_terminal())
    _tell(run, kept)


def _tell(run: Invocation, kept: Kept) -> None:
    from server.cli.dataset_document import summary
    from server.cli.output import plain

    dataset = kept.dataset
    until = dataset.protected_until
    how = f"kept until {plain(until)}" if until else "kept by no protection of its own"
    exposed = (
        f" {'From then on' if until else 'Now'} its journey does not keep it either: it can be taken down."
        if kept.exposed
        else ""
    )
    run.output.answer({**summary(dataset), "exposed": kept.exposed}, f"{dataset.name} is {how}.{exposed}")


def _moment(text: str, now: datetime) -> datetime:
    from domain.errors import InvalidArgumentError
    from domain.moments import instant_of, span_of

    try:
        return now + span_of(text, "until")
    except InvalidArgumentError:
        return instant_of(text, "until")
