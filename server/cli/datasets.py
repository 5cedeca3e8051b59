"""`datasets`: what there is, everything about one, and its quality judged again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.invocation import Invocation, command
from server.cli.output import table

if TYPE_CHECKING:
    from domain.model import Dataset

app = typer.Typer(
    help="What there is, everything about one, and its quality judged again.", no_args_is_help=True
)

DatasetId = Annotated[str, typer.Argument(metavar="DATASET_ID", help="The dataset.")]
_PAGE = 500


@command(app, "list")
async def show_all(run: Invocation) -> None:
    """List the datasets, those that were taken down too."""
    from domain.ports import DatasetQuery
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
            each.created_at,
            each.dataset_id,
        )
        for each in found
    ]
    columns = ("name", "status", "records", "quality", "journey", "made", "id")
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

    async with run.services() as services:
        judged = await services.datasets.recheck(dataset_id, run.caller)
    document: dict[str, Any] = summary(judged)
    people: list[Any] = [f"{judged.name} is {judged.status}."]
    if judged.quality:
        issues = quality.issues(judged.quality)
        document["quality"] = {"score": judged.quality.score, "issues": issues}
        people = [f"{judged.name} is {judged.status}, its quality {judged.quality.score:.1f} of 100."]
        people += [issues_table(issues)] if issues else []
    run.output.answer(document, *people)
