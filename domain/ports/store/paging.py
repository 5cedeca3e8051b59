"""Everything that a repository has of a kind, in bounded memory: page after page, each behind the last row before."""

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
    """The rows of every page, in their order, up to the first page without any.

    `load` gives the page that follows a key, or the first one for None, and `key` is a row's. A page is loaded when the
    first of its rows is asked for, so that whoever has enough loads no more.
    """
    while page := load(after):
        yield from page
        after = key(page[-1])


async def iterate_pages(
    load: Callable[[Key | None], Awaitable[Sequence[Row]]],
    key: Callable[[Row], Key],
    after: Key | None = None,
) -> AsyncIterator[Sequence[Row]]:
    """The pages themselves, where each is a transaction of its own; as `paginate` has it in all else."""
    while page := await load(after):
        yield page
        after = key(page[-1])
