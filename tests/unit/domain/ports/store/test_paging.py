"""Rows and pages, one behind the other."""

from __future__ import annotations

from itertools import islice

from domain.ports import iterate_pages, paginate


class Numbers:
    """The numbers from 1 to `last`, three a page."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.asked: list[int | None] = []

    def load(self, after: int | None) -> list[int]:
        self.asked.append(after)
        first = (after or 0) + 1
        return list(range(first, min(first + 3, self.last + 1)))

    async def load_later(self, after: int | None) -> list[int]:
        return self.load(after)


def test_every_row_comes_once_and_in_order() -> None:
    numbers = Numbers(7)
    assert list(paginate(numbers.load, int)) == [1, 2, 3, 4, 5, 6, 7]
    assert numbers.asked == [None, 3, 6, 7]


def test_nothing_is_no_row() -> None:
    assert list(paginate(Numbers(0).load, int)) == []


def test_rows_begin_behind_the_key_that_is_given() -> None:
    assert list(paginate(Numbers(7).load, int, 5)) == [6, 7]


def test_no_page_is_loaded_for_whoever_has_enough() -> None:
    numbers = Numbers(7)
    rows = paginate(numbers.load, int)
    assert numbers.asked == []
    assert list(islice(rows, 3)) == [1, 2, 3]
    assert numbers.asked == [None]


async def test_pages_come_as_they_are_loaded() -> None:
    numbers = Numbers(5)
    pages = iterate_pages(numbers.load_later, int)
    assert [page async for page in pages] == [[1, 2, 3], [4, 5]]
    assert numbers.asked == [None, 3, 5]
    assert [page async for page in iterate_pages(numbers.load_later, int, 3)] == [[4, 5]]
