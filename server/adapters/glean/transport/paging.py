"""Documents cut anew into pages that fit a platform's limits, and a few pages sent at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import anyio

from domain.errors import LifecycleError, PlatformInvalidError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EncodedPage:
    """Encoded documents, joined by commas, and their number."""

    documents: bytes
    count: int


async def repaginate(
    pages: AsyncIterator[Sequence[bytes]], encode: Callable[[bytes], bytes], *, max_count: int, max_bytes: int
) -> AsyncGenerator[EncodedPage, None]:
    """Encode neutral lines and join them into pages of at most so many documents and bytes.

    Without any document there is one empty page: the platform is to know of the run all the same.

    Raises:
        PlatformInvalidError: one document alone is too large for a page, before any page with it is made.
    """
    held: list[bytes] = []
    size = number = 0
    async for lines in pages:
        for line in lines:
            document = encode(line)
            number += 1
            if len(document) > max_bytes:
                raise PlatformInvalidError(
                    f"Document {number} has {len(document)} bytes; Glean takes at most {max_bytes} in one page.",
                    suggested_action="Shorten that record in the template, and provision again with retry.",
                    position=number,
                )
            if held and (len(held) == max_count or size + len(document) > max_bytes):
                yield EncodedPage(b",".join(held), len(held))
                held, size = [], 0
            held.append(document)
            size += len(document) + 1
    yield EncodedPage(b",".join(held), len(held))


async def run_concurrently(
    items: AsyncIterator[T], work: Callable[[T], Awaitable[None]], *, at_once: int | anyio.Semaphore
) -> None:
    """Do the work on every item, a few at a time and never more of them held than that.

    `at_once` is how many, or the places for them that are shared with others. Raises what the first failure raised,
    after the others have ended or been cancelled.
    """
    places = anyio.Semaphore(at_once) if isinstance(at_once, int) else at_once
    failures: list[LifecycleError] = []
    async with anyio.create_task_group() as group:

        async def run_one(item: T) -> None:
            try:
                await work(item)
            except LifecycleError as error:
                failures.append(error)
                group.cancel_scope.cancel()
            finally:
                places.release()

        async def start_next() -> bool:
            await places.acquire()
            try:
                item = await anext(items)
            except BaseException as error:
                places.release()
                if isinstance(error, StopAsyncIteration):
                    return False
                raise
            group.start_soon(run_one, item)
            return True

        try:
            while await start_next():
                pass
        except LifecycleError as error:
            failures.append(error)
            group.cancel_scope.cancel()
    if failures:
        raise failures[0]
