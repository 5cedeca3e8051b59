from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import TemplateInvalidError
from server.adapters.templates.readers import arrays, window
from server.adapters.templates.readers.lines import read_line_records
from server.adapters.templates.readers.objects import read_object_records
from tests.support.content.chunked_file import window_over

ODD_TEXT = st.text(st.sampled_from('{}[],":\\ \nabé😀'), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(ODD_TEXT, VALUES, max_size=4), max_size=12)


def cut(data: bytes, sizes: list[int], tail: bytes = b"") -> list[bytes]:
    seen = window_over(data, sizes)
    assert seen.peek() == b"["
    seen.advance(1)
    found = [each for batch in arrays.read_array_records(seen) for each in batch]
    rest = seen.data
    while seen.read_more():
        rest = seen.data
    assert rest == tail
    return found


@settings(max_examples=60, deadline=None)
@given(
    RECORDS,
    st.lists(st.integers(1, 40), max_size=30),
    st.sampled_from([None, 1]),
    st.booleans(),
    st.booleans(),
)
def test_however_a_file_comes_in_pieces_its_array_gives_the_same_records(
    records: list[dict[str, Any]], sizes: list[int], indent: int | None, escaped: bool, small: bool
) -> None:
    data = json.dumps(records, indent=indent, ensure_ascii=escaped).encode()
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr(arrays, "CHUNK", 16)
        found = cut(data + b', "after": {}}', sizes, b', "after": {}}')
    assert [msgspec.json.decode(each) for each in found] == records


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.lists(st.integers(1, 40), max_size=30))
def test_however_a_file_comes_in_pieces_its_lines_are_the_same(
    records: list[dict[str, Any]], sizes: list[int]
) -> None:
    data = b"\n\r\n".join(msgspec.json.encode(each) for each in records)
    seen = window_over(data, sizes)
    found = [each for batch in read_line_records(seen) for each in batch]
    assert [msgspec.json.decode(each) for each in found] == records


@settings(max_examples=60, deadline=None)
@given(RECORDS.filter(bool), st.data())
def test_an_array_that_is_cut_short_is_never_taken_for_whole(
    records: list[dict[str, Any]], data: st.DataObject
) -> None:
    whole = json.dumps(records).encode()
    short = whole[: data.draw(st.integers(1, len(whole) - 1))]
    with pytest.raises(TemplateInvalidError, match=r"ends in the middle of record|nothing after the comma"):
        cut(short, [])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"[]", []),
        (b"[ \n ]", []),
        (b'[{"a":1}]', [b'{"a":1}']),
        (b"[1, [2, 3], {}]", [b"1", b"[2, 3]", b"{}"]),
    ],
)
def test_an_array_gives_its_elements_as_they_stand(data: bytes, expected: list[bytes]) -> None:
    assert cut(data, []) == expected


def test_a_broken_record_is_cut_out_as_it_stands_for_its_reader_to_judge() -> None:
    assert cut(b'[{"a":1},{"a":oops},{"a":3}]', []) == [b'{"a":1}', b'{"a":oops}', b'{"a":3}']


@pytest.mark.parametrize(
    ("data", "problem", "position"),
    [
        (b'[{"a":1},]', "has nothing after the comma behind record 1", 2),
        (b'[{"a":1}}', "closes a bracket that is not open, after record 1", None),
        (b'[{"a":1},{"a"', "ends in the middle of record 2", 2),
        (b'[{"a":"1}]', "ends in the middle of record 1", 1),
        (b"[", "ends in the middle of record 1", 1),
    ],
)
def test_a_broken_array_is_refused_naming_the_place(data: bytes, problem: str, position: int | None) -> None:
    with pytest.raises(TemplateInvalidError, match=problem) as refused:
        cut(data, [])
    assert refused.value.facts == {"file": "x.json", "position": position}


def test_nested_objects_that_fool_the_guess_are_cut_exactly() -> None:
    record = {"a": [{"n": n, "text": "},{"} for n in range(50)]}
    data = json.dumps([record] * 40).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK", 256)
        assert [json.loads(each) for each in cut(data, [300] * 500)] == [record] * 40


def test_a_value_without_end_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "VALUE_LIMIT", 1000)
    with pytest.raises(TemplateInvalidError, match="a value of more than"):
        cut(b'[{"a":"' + b"x" * 5000, [100] * 50)


def test_a_body_of_five_megabytes_is_a_record_like_any_other() -> None:
    record = {"a": "x" * 5_000_000}
    assert [json.loads(each) for each in cut(json.dumps([record, {}, record]).encode(), [1 << 16] * 40)] == [
        record,
        {},
        record,
    ]


@settings(max_examples=60, deadline=None)
@given(
    RECORDS.filter(bool), st.lists(st.integers(1, 9), max_size=200), st.sampled_from([None, 1]), st.booleans()
)
def test_however_an_object_comes_in_pieces_it_is_the_same(
    records: list[dict[str, Any]], sizes: list[int], indent: int | None, nested: bool
) -> None:
    beside = {"metadata": {"a": [1, {"b": "}"}]}, 'na"me': 7, "schema": None}
    inner = {"source": {"before": 1, "records": records, "file": "x"}} if nested else {"records": records}
    data = json.dumps(inner | beside, indent=indent).encode() + b"\n"
    head: dict[str, Any] = {}
    found = [each for batch in read_object_records(window_over(data, sizes), head) for each in batch]
    assert [msgspec.json.decode(each) for each in found] == records
    kept = {"source": {"before": 1, "records": True, "file": "x"}} if nested else {"records": True}
    assert head == kept | beside


def test_an_object_may_come_byte_by_byte() -> None:
    head: dict[str, Any] = {}
    data = b'{"metadata": {"a": "b"}, "records": [{"c": "d"}, {"e": 1}]}'
    assert [*read_object_records(window_over(data, [1] * len(data)), head)] == [
        [b'{"c": "d"}'],
        [b'{"e": 1}'],
    ]
    assert head == {"metadata": {"a": "b"}, "records": True}


def test_blank_lines_alone_are_no_batch() -> None:
    found = [[*batch] for batch in read_line_records(window_over(b"\n \n\r\n{}\n", [4]))]
    assert found == [[b"{}"]]
