"""`archives`: what is kept of datasets that were taken down, and of some that were not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal

from domain.errors import instant
from server.cli.exits import Exit
from server.cli.invocation import Invocation, command
from server.cli.output import facts, plain, section, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from domain.archives import Archive

app = typer.Typer(help="What is kept of datasets that were taken down.", no_args_is_help=True)

DatasetId = Annotated[str, typer.Argument(metavar="DATASET_ID", help="The dataset that was archived.")]
_PAGE = 500
_COLUMNS = ("name", "records", "size", "restorable until", "purged", "dataset")


@command(app, "list")
async def show_all(run: Invocation) -> None:
    """List the archives, purged ones too."""
    found: list[Archive] = []
    async with run.services() as services:
        after: str | None = None
        while page := await services.archives.page(run.caller, after=after, limit=_PAGE):
            found += page
            after = page[-1].dataset_id
    run.output.answer(
        {"items": [_shown(each) for each in found], "count": len(found)},
        table(_COLUMNS, map(_row, found), empty="There is no archive."),
    )


@command(app, "show")
async def show(run: Invocation, dataset_id: DatasetId) -> None:
    """Show an archive and its manifest."""
    async with run.services(folders=True) as services:
        archive, manifest = await services.archives.show(run.caller, dataset_id)
    run.output.answer(
        {**_shown(archive), **({"manifest": manifest} if manifest else {})},
        section(
            archive.name,
            facts(
                (
                    ("dataset", archive.dataset_id),
                    ("path", archive.path),
                    ("archived", archive.archived_at),
                    ("records", archive.record_count if archive.full_data else "a sample"),
                    ("size", f"{decimal(archive.stored_bytes)} ({decimal(archive.size_bytes)} unpacked)"),
                    ("restorable until", archive.restorable_until),
                    ("purged", archive.purged_at),
                    ("incomplete", "yes" if archive.incomplete else None),
                    ("taken for", archive.reason),
                    ("given back", archive.given_back_at),
                )
            ),
        ),
        *([_files(manifest)] if manifest else []),
    )


@command(app, "verify")
async def verify(run: Invocation, dataset_id: DatasetId) -> None:
    """Read an archive back, every byte, against its manifest."""
    async with run.services(folders=True) as services:
        manifest = await services.archives.verify(run.caller, dataset_id)
    run.output.answer(
        {"dataset_id": dataset_id, "verified": True, "manifest": manifest},
        f"The archive of {dataset_id} is as it was written.",
        _files(manifest),
    )


@command(app, "snapshot")
async def snapshot(
    run: Invocation,
    dataset_id: Annotated[str, typer.Argument(metavar="DATASET_ID", help="The dataset; it stays as it is.")],
) -> None:
    """Archive a dataset that is served without taking it down; a later teardown's archive replaces this one."""
    from server.cli.progress import bars

    async with run.work() as services:
        run.leaves_work(dataset_id)
        with bars(run.output.aside) as bar:
            archive = await services.snapshots.take(dataset_id, run.caller, bar(dataset_id))
    run.output.answer(
        _shown(archive),
        f"{archive.name} is archived as it stands, restorable until {plain(archive.restorable_until)}, "
        f"and served as before: {plain(archive.path)}",
    )


@command(app, "purge")
async def purge(
    run: Invocation,
    apply: Annotated[bool, typer.Option("--apply", help="Delete them; without it, only show them.")] = False,
) -> Exit | None:
    """Show the archives that are past their time, and with --apply delete them."""
    async with run.services(folders=True) as services:
        plan = await services.archives.purge(run.caller, apply=apply)
    document = {
        "applied": plan.applied,
        **({"refused": plan.refused} if plan.refused else {}),
        "due": [_shown(each) for each in plan.due],
        "purged": list(plan.purged),
        "failed": [{"dataset_id": dataset_id, "error": error.as_dict()} for dataset_id, error in plan.failed],
    }
    hint = "" if apply or not plan.due else " This was a dry run; `archives purge --apply` deletes them."
    run.output.answer(
        document,
        table(_COLUMNS, map(_row, plan.due), empty="No archive is past its time."),
        *([f"{len(plan.purged)} purged.{hint}"] if plan.due else []),
        *([f"A purge would be refused: {plan.refused}"] if plan.refused else []),
        *(f"{dataset_id}: {error.message}" for dataset_id, error in plan.failed),
    )
    return Exit.FAILED if plan.failed else None


def _shown(archive: Archive) -> dict[str, Any]:
    facts_of = {
        "name": archive.name,
        "dataset_id": archive.dataset_id,
        "client_id": archive.client_id,
        "journey_id": archive.journey_id,
        "stage": archive.stage,
        "dataset_type": archive.dataset_type,
        "path": archive.path,
        "archived_at": instant(archive.archived_at),
        "restorable_until": instant(archive.restorable_until),
        "purged_at": instant(archive.purged_at),
        "record_count": archive.record_count,
        "size_bytes": archive.size_bytes,
        "stored_bytes": archive.stored_bytes,
        "full_data": archive.full_data,
        "incomplete": archive.incomplete or None,
        "reason": archive.reason,
        "given_back_at": instant(archive.given_back_at),
    }
    return {name: value for name, value in facts_of.items() if value is not None}


def _row(archive: Archive) -> tuple[object, ...]:
    return (
        archive.name,
        archive.record_count,
        decimal(archive.stored_bytes),
        archive.restorable_until,
        archive.purged_at,
        archive.dataset_id,
    )


def _files(manifest: dict[str, Any]) -> RenderableType:
    rows = [(name, decimal(file["size"]), file["sha256"]) for name, file in manifest["files"].items()]
    return table(("file", "size", "SHA-256"), rows, empty="")
