"""`archives`: archives of datasets that were taken down, and snapshots of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal

from domain.errors import format_timestamp
from server.cli.command import Invocation, command
from server.cli.exit_codes import ExitCode
from server.cli.listing import Cursor, Everything, Limit, Listing, Paging, load_by_key, print_listing
from server.cli.output import format_value, render_facts, render_section, render_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from domain.lifecycle import Archive

app = typer.Typer(help="List, verify and purge archives, or take a snapshot.", no_args_is_help=True)
DatasetId = Annotated[str, typer.Argument(metavar="DATASET_ID", help="The dataset that was archived.")]
_COLUMNS = ("name", "records", "size", "restorable until", "purged", "dataset")


@command(app, "list")
async def list_archives(
    run: Invocation,
    client_id: Annotated[
        str | None, typer.Option("--client-id", help="Only this client's.", show_default=False)
    ] = None,
    limit: Limit = None,
    cursor: Cursor = None,
    everything: Everything = False,
) -> None:
    """List the archives, including purged ones."""
    paging = Paging.parse(limit, cursor, everything=everything)
    async with run.open_services() as services:
        listing = Listing(
            load=load_by_key(
                "archives",
                lambda after, count: services.archives.list_archives(
                    run.principal, client_id=client_id, after=after, limit=count
                ),
                lambda last: last.dataset_id,
            ),
            serialize=_serialize_archive,
            render=_render_archives,
        )
        await print_listing(run, listing, paging)


def _render_archives(found: Sequence[Archive]) -> list[RenderableType]:
    return [render_table(_COLUMNS, map(_row, found), empty="There is no archive.")]


@command(app, "show")
async def show_archive(run: Invocation, dataset_id: DatasetId) -> None:
    """Show an archive and its manifest."""
    async with run.open_services(folders=True) as services:
        archive, manifest = await services.archives.load_archive(run.principal, dataset_id)
    run.output.print_answer(
        {**_serialize_archive(archive), **({"manifest": manifest} if manifest else {})},
        render_section(
            archive.name,
            render_facts(
                (
                    ("dataset", archive.dataset_id),
                    ("path", archive.path),
                    ("archived", archive.archived_at),
                    ("records", archive.record_count if archive.full_data else "a sample"),
                    ("size", f"{decimal(archive.stored_bytes)} ({decimal(archive.size_bytes)} unpacked)"),
                    ("restorable until", archive.restore_deadline or "never"),
                    ("kept until", None if archive.restore_deadline else archive.restorable_until),
                    ("purged", archive.purged_at),
                    ("incomplete", "yes" if archive.incomplete else None),
                    ("taken for", archive.reason),
                    ("teardown undone", archive.given_back_at),
                )
            ),
        ),
        *([_render_files(manifest)] if manifest else []),
    )


@command(app, "verify")
async def verify_archive(run: Invocation, dataset_id: DatasetId) -> None:
    """Verify every byte of an archive against its manifest."""
    async with run.open_services(folders=True) as services:
        manifest = await services.archives.verify_archive(run.principal, dataset_id)
    run.output.print_answer(
        {"dataset_id": dataset_id, "verified": True, "manifest": manifest},
        f"The archive of {dataset_id} is intact: every byte is as it was written.",
        _render_files(manifest),
    )


@command(app, "snapshot")
async def snapshot_dataset(
    run: Invocation,
    dataset_id: Annotated[str, typer.Argument(metavar="DATASET_ID", help="The dataset; it is not changed.")],
) -> None:
    """Archive a dataset without taking it down. The archive of a later teardown replaces this one."""
    from server.cli.views.progress_bars import show_progress

    async with run.open_saga_services() as services:
        run.announce_resumable_work(dataset_id)
        with show_progress(run.output.aside) as bar:
            archive = await services.snapshots.take(dataset_id, run.principal, bar(dataset_id))
    run.output.print_answer(
        _serialize_archive(archive),
        f"{archive.name} is archived, restorable until {format_value(archive.restore_deadline or 'never')}, "
        f"and still served: {format_value(archive.path)}",
    )


@command(app, "purge")
async def purge_archives(
    run: Invocation,
    apply: Annotated[
        bool, typer.Option("--apply", help="Delete these archives; without it, only list them.")
    ] = False,
) -> ExitCode | None:
    """List the archives whose retention period is over; with --apply, delete them."""
    async with run.open_services(folders=True) as services:
        plan = await services.archives.purge_archives(run.principal, apply=apply)
    document = {
        "applied": plan.applied,
        **({"refused": plan.refused} if plan.refused else {}),
        "due": [_serialize_archive(each) for each in plan.due],
        "purged": list(plan.purged),
        "failed": [{"dataset_id": dataset_id, "error": error.as_dict()} for dataset_id, error in plan.failed],
    }
    hint = (
        ""
        if apply or not plan.due
        else " This was a dry run; `dataset-lifecycle archives purge --apply` deletes them."
    )
    run.output.print_answer(
        document,
        render_table(_COLUMNS, map(_row, plan.due), empty="No archive's retention period is over."),
        *([f"{len(plan.purged)} purged.{hint}"] if plan.due else []),
        *([f"A purge would be refused: {plan.refused}"] if plan.refused else []),
        *(f"{dataset_id}: {error.message}" for dataset_id, error in plan.failed),
    )
    return ExitCode.FAILED if plan.failed else None


def _serialize_archive(archive: Archive) -> dict[str, Any]:
    values = {
        "name": archive.name,
        "dataset_id": archive.dataset_id,
        "client_id": archive.client_id,
        "journey_id": archive.journey_id,
        "stage": archive.stage,
        "dataset_type": archive.dataset_type,
        "path": archive.path,
        "archived_at": format_timestamp(archive.archived_at),
        "restorable_until": format_timestamp(archive.restore_deadline),
        "kept_until": format_timestamp(archive.restorable_until),
        "purged_at": format_timestamp(archive.purged_at),
        "record_count": archive.record_count,
        "size_bytes": archive.size_bytes,
        "stored_bytes": archive.stored_bytes,
        "full_data": archive.full_data,
        "incomplete": archive.incomplete or None,
        "reason": archive.reason,
        "given_back_at": format_timestamp(archive.given_back_at),
    }
    return {name: value for name, value in values.items() if value is not None}


def _row(archive: Archive) -> tuple[object, ...]:
    return (
        archive.name,
        archive.record_count,
        decimal(archive.stored_bytes),
        archive.restore_deadline or "never",
        archive.purged_at,
        archive.dataset_id,
    )


def _render_files(manifest: dict[str, Any]) -> RenderableType:
    rows = [(name, decimal(file["size"]), file["sha256"]) for name, file in manifest["files"].items()]
    return render_table(("file", "size", "SHA-256"), rows, empty="")
