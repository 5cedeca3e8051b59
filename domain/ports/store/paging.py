"""Keyset pagination over a repository, in bounded memory: each page begins after the last row of the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
    from typing import TypeVar

    Row = TypeVar("Row")
    Key = TypeVar("Key")


def paginate(
    load: Callable[[Key | None], Sequence[Row]], key: Callable[[Row], Key], after: Key | None = None
) -> Iterator[Row]:
    """Yield the rows of every page in order, until a page is empty.

    `load` returns the page after a key, or the first page for None; `key` is the key of a row. A page is loaded only
    when its first row is needed, so a caller that stops early loads no further page.
    """
    while page := load(after):
        yield from page
        after = key(page[-1])


async def iterate_pages(
    load: Callable[[Key | None], Awaitable[Sequence[Row]]],
    key: Callable[[Row], Key],
    after: Key | None = None,
) -> AsyncIterator[Sequence[Row]]:
    """Yield whole pages, each loaded in a transaction of its own; otherwise like `paginate`."""
    while page := await load(after):
        yield page
        after = key(page[-1])
