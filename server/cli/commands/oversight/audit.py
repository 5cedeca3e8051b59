"""`audit`: list, verify and export the audit log, and explain a dataset's life from it."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.audit import Decision
from domain.errors import InvalidArgumentError, format_timestamp
from server.cli.command import Invocation, command
from server.cli.exit_codes import ExitCode
from server.cli.listing import (
    Cursor,
    Everything,
    Limit,
    Listing,
    Paging,
    load_by_key,
    parse_number,
    print_listing,
)
from server.cli.output import format_value, render_facts, render_table
from server.cli.views.audit import (
    entry_row,
    format_verdict,
    render_timeline_entry,
    serialize_entry,
    serialize_timeline_entry,
    serialize_verification,
    verification_facts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from domain.audit import AuditLogItem, ChainHead
    from domain.ports import SealedEntry
    from tools.services import Services

app = typer.Typer(help="List, verify, export and explain the audit log.", no_args_is_help=True)
_COLUMNS = ("entry", "when", "who", "from", "what", "dataset", "decision", "outcome")
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


@command(app, "list")
async def list_audit_entries(
    run: Invocation,
    dataset_id: Annotated[str | None, typer.Option(help="Entries about this dataset.")] = None,
    client_id: Annotated[str | None, typer.Option(help="Entries about this client.")] = None,
    principal: Annotated[str | None, typer.Option(help="Calls of this principal.")] = None,
    decision: Annotated[Decision | None, typer.Option(help="Calls with this decision.")] = None,
    limit: Limit = None,
    cursor: Cursor = None,
    everything: Everything = False,
) -> None:
    """List audit entries, newest first: calls with their decisions, and events."""
    from domain.ports import AuditQuery

    paging = Paging.parse(limit, cursor, everything=everything)
    query = AuditQuery(
        dataset_id=dataset_id,
        client_id=client_id,
        principal=principal,
        decision=decision and decision.value,
    )
    async with run.open_services() as services:
        listing = Listing(
            load=load_by_key(
                "audit",
                lambda before, count: services.audit.list(
                    replace(query, before=parse_number(before), limit=count), run.principal
                ),
                lambda last: str(last.seq),
            ),
            serialize=serialize_entry,
            render=_render_entries,
        )
        await print_listing(run, listing, paging)


def _render_entries(found: Sequence[AuditLogItem]) -> list[RenderableType]:
    return [render_table(_COLUMNS, map(entry_row, found), empty="There is no such entry.")]


@command(app, "verify")
async def verify_audit_chain(
    run: Invocation,
    head: Annotated[
        str | None,
        typer.Option(
            metavar="POSITION:HASH|FILE",
            help="A head that you kept elsewhere, or the export that ends with it.",
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="EXPORT", help="Verify this export instead of the log.")
    ] = None,
) -> ExitCode | None:
    """Verify the hash chain from its first entry to its last, and report the first entry that breaks it."""
    anchor = None if head is None else _parse_head(head)
    if file is not None:
        return await _verify_file(run, file, anchor)
    async with run.open_services() as services:
        found = await services.audit.verify(anchor)
    run.output.print_answer(
        {
            **serialize_verification(found.head, found.broken),
            "unsealed": found.unsealed,
            **({"unsealed_since": format_timestamp(found.unsealed_since)} if found.unsealed_since else {}),
            **({"exported": found.exported} if found.exported else {}),
        },
        format_verdict(found.head, found.broken),
        render_facts(verification_facts(found, anchor)),
    )
    return ExitCode.FAILED if found.broken else None


@command(app, "export")
async def export_audit_log(
    run: Invocation,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The new file to write; by default stdout.")
    ] = None,
) -> None:
    """Export every sealed entry as JSON Lines, with the head of the chain on the last line. Keep it elsewhere."""
    from server.cli.audit_export import serialize_head

    async with run.open_services() as services:
        head = await (_export_to_stdout(run, services) if to is None else _export_to_file(run, services, to))
    advice = (
        f"Keep this head where nobody who can change this store can change it: {head.position}:{head.hash}"
    )
    if to is None:
        run.output.print_note(advice)
        return
    run.output.print_answer(
        {"head": serialize_head(head), "to": str(to)},
        f"{head.position:,} entries are in {format_value(to)}.",
        advice,
    )


@command(app, "explain")
async def explain_dataset(
    run: Invocation,
    dataset_id: Annotated[
        str, typer.Argument(metavar="DATASET_ID", help="The dataset; it may be gone long since.")
    ],
) -> None:
    """Explain the life of a dataset: who asked for what, what was decided and why, and what happened."""
    async with run.open_services() as services:
        timeline = await services.audit.explain(dataset_id, run.principal)
    run.output.print_answer(
        {"dataset_id": dataset_id, "chapters": [serialize_timeline_entry(each) for each in timeline]},
        *(render_timeline_entry(each) for each in timeline),
        *([] if timeline else [f"The audit log has nothing about {format_value(dataset_id)}."]),
    )


async def _verify_file(run: Invocation, path: Path, anchor: ChainHead | None) -> ExitCode | None:
    from domain.audit import ChainHead, genesis_hash, verify_chain
    from server.cli.audit_export import read_export_head, read_export_links

    own = read_export_head(path, "file")
    # An export has no store beside it: the chain starts from the installation that its own head names.
    start = ChainHead(position=0, hash=genesis_hash(own.installation or ""), installation=own.installation)
    head, broken = await verify_chain(partial(read_export_links, path), start, own)
    if broken is None and anchor is not None:
        head, broken = await verify_chain(partial(read_export_links, path), start, anchor)
    run.output.print_answer(serialize_verification(head, broken), format_verdict(head, broken))
    return ExitCode.FAILED if broken else None


def _parse_head(given: str) -> ChainHead:
    """Parse `--head`: a head, or an export that ends with one. Raises InvalidArgumentError."""
    from domain.audit import ChainHead
    from server.cli.audit_export import read_export_head

    if match := _HEAD.fullmatch(given):
        return ChainHead(position=int(match[1]), hash=match[2])
    path = Path(given)
    if not path.exists():
        raise InvalidArgumentError(
            f"--head must be POSITION:HASH or the file of an export; {given!r} is neither.",
            field="head",
        )
    return read_export_head(path, "head")


async def _export_to_stdout(run: Invocation, services: Services) -> ChainHead:
    from server.cli.audit_export import encode_head_line, encode_links

    def write(page: Sequence[SealedEntry]) -> None:
        sys.stdout.buffer.write(encode_links(page))

    head = await services.audit.export(run.principal, write)
    sys.stdout.buffer.write(encode_head_line(head))
    sys.stdout.flush()
    return head


async def _export_to_file(run: Invocation, services: Services, path: Path) -> ChainHead:
    """Write the export to a new file, completely or not at all. Raises InvalidArgumentError when that fails."""
    from server.cli.audit_export import create_export_file, encode_head_line, encode_links

    with create_export_file(path, "to") as write:
        head = await services.audit.export(run.principal, lambda page: write(encode_links(page)))
        write(encode_head_line(head))
    return head
