"""`audit`: what is on record, whether it still is what was recorded, and what it tells of a dataset."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.audit import Decision
from domain.errors import InvalidArgumentError, instant
from server.cli.audit_text import (
    beside,
    chapter_document,
    listed_document,
    outcome,
    paragraph,
    row,
    verdict,
)
from server.cli.exits import Exit
from server.cli.invocation import Invocation, command
from server.cli.output import facts, plain, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.audit_chain import Head, Sealed
    from tools.services import Services

app = typer.Typer(help="What is on record, and whether it still is what was recorded.", no_args_is_help=True)

_COLUMNS = ("entry", "when", "who", "from", "what", "dataset", "decision", "outcome")
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


@command(app, "list")
async def show_all(
    run: Invocation,
    dataset_id: Annotated[str | None, typer.Option(help="About this dataset.")] = None,
    client_id: Annotated[str | None, typer.Option(help="About this client.")] = None,
    principal: Annotated[str | None, typer.Option(help="Calls of this principal.")] = None,
    decision: Annotated[Decision | None, typer.Option(help="Calls with this decision.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at most.")] = 50,
) -> None:
    """List the newest entries first: calls, with what was decided, and what happened."""
    from domain.audit_chain import AuditQuery

    query = AuditQuery(
        dataset_id=dataset_id,
        client_id=client_id,
        principal=principal,
        decision=decision and decision.value,
        limit=limit,
    )
    async with run.services() as services:
        found = await services.audit.list(query, run.caller)
    run.output.answer(
        {"items": [listed_document(each) for each in found], "count": len(found)},
        table(_COLUMNS, map(row, found), empty="Nothing is on record."),
    )


@command(app, "verify")
async def verify(
    run: Invocation,
    head: Annotated[
        str | None,
        typer.Option(
            metavar="POSITION:HASH|FILE",
            help="A head that was kept elsewhere, or the export that ends with it.",
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="EXPORT", help="Verify this export by itself, and not the log.")
    ] = None,
) -> Exit | None:
    """Follow the chain from its first entry to its last, and name the first that is not what was sealed."""
    anchor = None if head is None else _head(head)
    if file is not None:
        return await _verified_file(run, file, anchor)
    async with run.services() as services:
        found = await services.audit.verify(anchor)
    run.output.answer(
        {
            **outcome(found.head, found.broken),
            "unsealed": found.unsealed,
            **({"unsealed_since": instant(found.unsealed_since)} if found.unsealed_since else {}),
            **({"exported": found.exported} if found.exported else {}),
        },
        verdict(found.head, found.broken),
        facts(beside(found, anchor)),
    )
    return Exit.FAILED if found.broken else None


@command(app, "export")
async def export(
    run: Invocation,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there, to a new file; else to stdout.")
    ] = None,
) -> None:
    """Write every sealed entry as JSON Lines, and the head of the chain in the last line, to be kept elsewhere."""
    from server.audit_file import shown

    async with run.services() as services:
        head = await (_to_stdout(run, services) if to is None else _to_file(run, services, to))
    told = f"Keep this head where nobody who can write here can change it: {head.position}:{head.hash}"
    if to is None:
        run.output.note(told)
        return
    run.output.answer(
        {"head": shown(head), "to": str(to)}, f"{head.position:,} entries are in {plain(to)}.", told
    )


@command(app, "explain")
async def explain(
    run: Invocation,
    dataset_id: Annotated[str, typer.Argument(metavar="DATASET_ID", help="The dataset, also one long gone.")],
) -> None:
    """Tell the life of a dataset: who asked for what, what was decided and why, and what happened."""
    async with run.services() as services:
        chapters = await services.audit.explain(dataset_id, run.caller)
    run.output.answer(
        {"dataset_id": dataset_id, "chapters": [chapter_document(each) for each in chapters]},
        *(paragraph(each) for each in chapters),
        *([] if chapters else [f"Nothing is on record of {plain(dataset_id)}."]),
    )


async def _verified_file(run: Invocation, path: Path, anchor: Head | None) -> Exit | None:
    from domain.audit_chain import Head, genesis
    from domain.audit_verifying import walked
    from server.audit_file import head_in, links_in

    own = head_in(path, "file")
    start = Head(position=0, hash=genesis(own.installation or ""), installation=own.installation)
    head, broken = await walked(partial(links_in, path), start, own)
    if broken is None and anchor is not None:
        head, broken = await walked(partial(links_in, path), start, anchor)
    run.output.answer(outcome(head, broken), verdict(head, broken))
    return Exit.FAILED if broken else None


def _head(given: str) -> Head:
    """What `--head` says. Raises InvalidArgumentError."""
    from domain.audit_chain import Head
    from server.audit_file import head_in

    if found := _HEAD.fullmatch(given):
        return Head(position=int(found[1]), hash=found[2])
    path = Path(given)
    if not path.exists():
        raise InvalidArgumentError(
            f"--head is a position and a hash, joined by a colon, or an export; {given!r} is neither.",
            field="head",
        )
    return head_in(path, "head")


async def _to_stdout(run: Invocation, services: Services) -> Head:
    from server.audit_file import head_line, lines

    def write(page: Sequence[Sealed]) -> None:
        sys.stdout.buffer.write(lines(page))

    head = await services.audit.export(run.caller, write)
    sys.stdout.buffer.write(head_line(head))
    sys.stdout.flush()
    return head


async def _to_file(run: Invocation, services: Services, path: Path) -> Head:
    """Write the export whole, or not at all. Raises InvalidArgumentError for a file that cannot be made."""
    from server.audit_file import head_line, lines, new_file

    with new_file(path, "to") as write:
        head = await services.audit.export(run.caller, lambda page: write(lines(page)))
        write(head_line(head))
    return head
