"""Lists: one page, or with `--all` everything, streamed page by page from the store in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar

import typer

from domain.errors import InvalidArgumentError
from domain.model import decode_cursor, encode_cursor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from rich.console import RenderableType

    from server.cli.command import Invocation

Row = TypeVar("Row")
USUAL_LIMIT: Final = 50
MAX_LIMIT: Final = 10_000
_CHUNK: Final = 200
"""Rows that are read and printed at once; also the most that a list of orphans answers."""
_MAX_DIGITS: Final = 18
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=1,
        max=MAX_LIMIT,
        help=f"At most so many; by default {USUAL_LIMIT}.",
        show_default=False,
    ),
]
Cursor = Annotated[
    str | None,
    typer.Option(
        "--cursor", help="Go on after a page, with the cursor that it ended with.", show_default=False
    ),
]
Everything = Annotated[
    bool, typer.Option("--all", help="Everything instead of one page, printed as it is read.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Which part of a list is wanted: at most `limit` rows after a cursor, or everything."""

    limit: int = USUAL_LIMIT
    cursor: str | None = None
    everything: bool = False

    @classmethod
    def parse(cls, limit: int | None, cursor: str | None, *, everything: bool) -> Paging:
        """The paging that the options ask for. Raises BadParameter when they exclude each other."""
        if everything and (limit is not None or cursor is not None):
            raise typer.BadParameter("--all excludes --limit and --cursor.")
        return cls(limit=limit or USUAL_LIMIT, cursor=cursor, everything=everything)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk(Generic[Row]):
    """The next rows of a list, and the cursor after them; None when there are no more."""

    rows: Sequence[Row]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Row]):
    """A list: how its next chunk is loaded after a cursor, and how rows are told to programs and to people.

    `render` is called with the rows of each chunk, and with none for an empty list. `extra` and `notes` are told at the
    end, when all rows that were asked for have been read. The rows of a list that goes `backwards` come latest first,
    and a page of them is shown in order.
    """

    load: Callable[[str | None, int], Awaitable[Chunk[Row]]]
    serialize: Callable[[Row], dict[str, Any]]
    render: Callable[[Sequence[Row]], Sequence[RenderableType]]
    extra: Callable[[], dict[str, Any]] = dict
    notes: Callable[[], Sequence[RenderableType]] = tuple
    backwards: bool = False


def load_by_key(
    name: str, load: Callable[[str | None, int], Awaitable[Sequence[Row]]], key: Callable[[Row], str]
) -> Callable[[str | None, int], Awaitable[Chunk[Row]]]:
    """The loader of a list whose cursor is the key of the last row; `name` is in the cursor, so that no other fits."""

    async def load_chunk(cursor: str | None, limit: int) -> Chunk[Row]:
        rows = await load(decode_cursor(name, cursor), limit + 1)
        shown = rows[:limit]
        more = len(rows) > limit
        return Chunk(rows=shown, next_cursor=encode_cursor(name, key(shown[-1])) if more else None)

    return load_chunk


def parse_number(key: str | None) -> int | None:
    """The number in a cursor of a list whose keys are numbers. Raises InvalidArgumentError for another key."""
    if key is None:
        return None
    if not (key.isascii() and key.isdecimal() and len(key) <= _MAX_DIGITS):
        raise InvalidArgumentError("cursor is not one that this list gave.", field="cursor")
    return int(key)


async def print_listing(run: Invocation, listing: Listing[Row], paging: Paging) -> None:
    """Print the part of the list that is wanted. With --json it is one document, `items` and `count` among its keys."""
    if paging.everything:
        await _print_everything(run, listing)
        return
    rows: list[Row] = []
    cursor: str | None = None
    async for chunk in _iterate_chunks(listing, paging.cursor, paging.limit):
        rows += chunk.rows
        cursor = chunk.next_cursor
    if listing.backwards:
        rows.reverse()
    if run.output.as_json:
        more = {"next_cursor": cursor} if cursor else {}
        items = [listing.serialize(each) for each in rows]
        run.output.print_answer({"items": items, "count": len(rows), **more, **listing.extra()})
        return
    hint = [f"There are more. The next page: --cursor {cursor}. Everything: --all."] if cursor else []
    run.output.print_for_people(*listing.render(rows), *listing.notes(), *hint)


async def _print_everything(run: Invocation, listing: Listing[Row]) -> None:
    count = 0
    with run.output.stream_items() as stream:
        async for chunk in _iterate_chunks(listing, None, None):
            count += len(chunk.rows)
            # What is not printed is not made.
            if run.output.as_json:
                stream.print_items(map(listing.serialize, chunk.rows))
            elif chunk.rows or not count:
                run.output.print_for_people(*listing.render(chunk.rows))
        if run.output.as_json:
            stream.end({"count": count, **listing.extra()})
        run.output.print_for_people(*listing.notes())


async def _iterate_chunks(
    listing: Listing[Row], cursor: str | None, limit: int | None
) -> AsyncIterator[Chunk[Row]]:
    """Load chunk after chunk until `limit` rows are read, or the list has ended."""
    left = limit
    while left is None or left > 0:
        chunk = await listing.load(cursor, _CHUNK if left is None else min(left, _CHUNK))
        yield chunk
        cursor = chunk.next_cursor
        if cursor is None:
            return
        left = None if left is None else left - len(chunk.rows)
