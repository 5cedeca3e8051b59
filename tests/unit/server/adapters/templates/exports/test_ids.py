from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from server.adapters.templates.exports.ids import IdIndex

IDS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2**64 - 1) | st.integers(0, 9)), max_size=40)


def _index(ids: list[tuple[str, int]]) -> IdIndex:
    index = IdIndex()
    for group, number in ids:
        index.add(group, number)
    index.seal()
    return index


@given(IDS, st.tuples(st.sampled_from("abcd"), st.integers(0, 9)))
def test_exactly_the_ids_that_were_added_are_found(
    ids: list[tuple[str, int]], other: tuple[str, int]
) -> None:
    index = _index(ids)

    assert all(each in index for each in ids)
    assert (other in index) == (other in ids)


@given(IDS)
def test_each_id_is_taken_once(ids: list[tuple[str, int]]) -> None:
    index = _index(ids)

    assert Counter(each for each in ids if index.take(*each)) == Counter(set(ids))
    assert not index.take("d", 0)


@given(IDS)
def test_shared_numbers_are_those_of_more_than_one_group(ids: list[tuple[str, int]]) -> None:
    groups = Counter(number for _, number in set(ids))

    assert _index(ids).shared_numbers() == {number for number, count in groups.items() if count > 1}
