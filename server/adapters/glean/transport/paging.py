"""Paging: pack documents into pages within a platform's limits, and send a few pages at a time."""

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
    """Encode neutral lines and join them into pages of at most `max_count` documents and `max_bytes` bytes.

    Without documents there is one empty page, since the platform must learn of the run all the same.

    Raises:
        PlatformInvalidError: one document alone is larger than a page.
    """
    documents: list[bytes] = []
    size = number = 0
    async for lines in pages:
        for line in lines:
            document = encode(line)
            number += 1
            if len(document) > max_bytes:
                raise PlatformInvalidError(
                    f"Document {number} has {len(document)} bytes; Glean accepts at most {max_bytes} in one page.",
                    suggested_action="Shorten that record in the template, and provision again with retry.",
                    position=number,
                )
            if documents and (len(documents) == max_count or size + len(document) > max_bytes):
                yield EncodedPage(b",".join(documents), len(documents))
                documents, size = [], 0
            documents.append(document)
            size += len(document) + 1
    yield EncodedPage(b",".join(documents), len(documents))


async def run_concurrently(
    items: AsyncIterator[T], work: Callable[[T], Awaitable[None]], *, at_once: int | anyio.Semaphore
) -> None:
    """Do the work on every item, a few at a time; no more items than that are in memory.

    `at_once` is their number, or a semaphore that is shared with others. Raises the first failure, after the other work
    has ended or was cancelled.
    """
    places = anyio.Semaphore(at_once) if isinstance(at_once, int) else at_once
    # Collected instead of raised: out of a task group they would come as an exception group.
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
            # A place first, then the item: an item that is made early would wait in memory.
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
