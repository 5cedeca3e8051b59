"""Ids of an export's records in eight bytes each, so that a million of them fit into a few megabytes."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class IdIndex:
    """Ids that are whole numbers below 2^64 in groups: the issues of a project, the messages of a channel.

    All ids are added first, then `seal` makes them findable.
    """

    def __init__(self) -> None:
        self._groups: dict[str, array[int]] = {}
        self._taken: dict[str, bytearray] = {}

    def add(self, group: str, number: int) -> None:
        """Add one id."""
        self._groups.setdefault(group, array("Q")).append(number)

    def seal(self) -> None:
        """Sort the ids. Nothing is added afterwards."""
        for group, numbers in self._groups.items():
            if any(before > after for before, after in pairwise(numbers)):
                self._groups[group] = array("Q", sorted(numbers))
            self._taken[group] = bytearray(len(numbers))

    def __contains__(self, key: tuple[str, int]) -> bool:
        return self._find(*key) is not None

    def take(self, group: str, number: int) -> bool:
        """Take an id, which was added; False when it was taken before."""
        at = self._find(group, number)
        if at is None or self._taken[group][at]:
            return False
        self._taken[group][at] = 1
        return True

    def shared_numbers(self) -> set[int]:
        """The numbers that are in more than one group."""
        merged = heapq.merge(*(_drop_repeats(each) for each in self._groups.values()))
        return {after for before, after in pairwise(merged) if before == after}

    def _find(self, group: str, number: int) -> int | None:
        numbers = self._groups.get(group)
        if numbers is None:
            return None
        at = bisect_left(numbers, number)
        return at if at < len(numbers) and numbers[at] == number else None


def _drop_repeats(numbers: array[int]) -> Iterator[int]:
    return (number for number, _ in groupby(numbers))
