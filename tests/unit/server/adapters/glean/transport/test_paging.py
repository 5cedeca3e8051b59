"""Pages cut anew, and a few of them at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import PlatformInvalidError, PlatformUnavailableError, StagingFailedError
from server.adapters.glean.transport.paging import EncodedPage, repaginate, run_concurrently
from tests.support.glean.datasources import staged_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


async def cut(
    lines: Sequence[bytes], *, count: int = 3, size: int = 100, given: int = 7
) -> list[EncodedPage]:
    return [
        page async for page in repaginate(staged_pages(lines, given), bytes, max_count=count, max_bytes=size)
    ]


async def test_pages_are_bounded_by_count() -> None:
    assert await cut([b"a", b"b", b"c", b"d"]) == [EncodedPage(b"a,b,c", 3), EncodedPage(b"d", 1)]


async def test_pages_are_bounded_by_bytes() -> None:
    assert await cut([b"aaaa", b"bbbb", b"cc"], size=9) == [
        EncodedPage(b"aaaa,bbbb", 2),
        EncodedPage(b"cc", 1),
    ]


async def test_no_documents_are_one_empty_page() -> None:
    assert await cut([]) == [EncodedPage(b"", 0)]


async def test_a_document_that_fits_no_page_is_refused_by_its_position() -> None:
    with pytest.raises(PlatformInvalidError) as caught:
        await cut([b"a", b"x" * 101])

    assert caught.value.message == "Document 2 has 101 bytes; Glean accepts at most 100 in one page."
    assert caught.value.facts == {"position": 2}


@given(
    lines=st.lists(st.binary(min_size=1, max_size=9).map(lambda each: each.hex().encode()), max_size=40),
    count=st.integers(1, 9),
    size=st.integers(18, 60),
    given_=st.integers(1, 9),
)
def test_nothing_is_lost_added_or_reordered(lines: list[bytes], count: int, size: int, given_: int) -> None:
    async def run() -> list[EncodedPage]:
        return await cut(lines, count=count, size=size, given=given_)

    made = anyio.run(run)

    assert [each for page in made for each in page.documents.split(b",") if each] == lines
    assert all(page.count <= count and len(page.documents) <= size for page in made)
    assert sum(page.count for page in made) == len(lines)


async def numbers(end: int, error: Exception | None = None) -> AsyncIterator[int]:
    for number in range(end):
        yield number
    if error is not None:
        raise error


async def test_no_more_than_a_few_are_under_way_and_held() -> None:
    under_way, most, done = 0, 0, []

    async def work(number: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await anyio.wait_all_tasks_blocked()
        under_way -= 1
        done.append(number)

    await run_concurrently(numbers(30), work, at_once=4)

    assert (sorted(done), most) == (list(range(30)), 4)


async def test_the_first_failure_ends_the_others_and_is_raised_itself() -> None:
    begun = []

    async def work(number: int) -> None:
        begun.append(number)
        if number == 2:
            raise PlatformUnavailableError("no")
        await anyio.sleep_forever()

    with pytest.raises(PlatformUnavailableError, match="no"):
        await run_concurrently(numbers(30), work, at_once=4)

    assert begun == [0, 1, 2, 3]


async def test_a_failure_of_what_gives_the_items_is_raised_itself() -> None:
    async def work(_: int) -> None:
        await anyio.sleep_forever()

    with pytest.raises(StagingFailedError, match="disk"):
        await run_concurrently(numbers(2, StagingFailedError("disk")), work, at_once=4)


async def test_places_that_are_shared_bound_all_who_share_them_and_are_given_back() -> None:
    places = anyio.Semaphore(3)
    under_way = most = 0

    async def work(number: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            await anyio.wait_all_tasks_blocked()
        finally:
            under_way -= 1
        if number == 9:
            raise PlatformUnavailableError("no")

    async def one(end: int, error: Exception | None = None) -> None:
        with pytest.raises((PlatformUnavailableError, StagingFailedError)):
            await run_concurrently(numbers(end, error), work, at_once=places)

    async with anyio.create_task_group() as group:
        group.start_soon(one, 10)
        group.start_soon(one, 30)
        group.start_soon(one, 5, StagingFailedError("disk"))
    await run_concurrently(numbers(20), lambda _: anyio.lowlevel.checkpoint(), at_once=places)

    assert (most, places.value) == (3, 3)
