from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.content.checks import DuplicateDetector, QualityChecker
from domain.content.checks.spill import MemorySpill
from domain.content.documents import RECORD_KINDS, ClientSite
from domain.content.documents.blocks import DECODE_ERRORS, JsonArrayBatch, JsonLinesBatch
from domain.content.population.reader import RecordReader
from tests.support.content.records import ISSUES, NOW, PAGES, SITES, populate_lines, template_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.content.documents import RecordKind

KIND = RECORD_KINDS[PAGES]
GOOD = [msgspec.json.encode(template_record(PAGES, n)) for n in range(3)]
PLACED = msgspec.json.encode(template_record(PAGES, 7, body="{{site:confluence_pages}}/x"))
LONG = msgspec.json.encode(template_record(PAGES, 6, body="a page " * 400))
BRACED = msgspec.json.encode(template_record(PAGES, 8, body="{}" * 400))
FLAWED = msgspec.json.encode(template_record(PAGES, 9, title=None, last_modified="yesterday"))


class Given:
    """A stream of blocks that are there already."""

    warnings = ()

    def __init__(self, *batches: Sequence[bytes]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        return iter(self._batches)


def one_by_one(lines: Sequence[bytes], kind: RecordKind = KIND) -> list[Any] | None:
    try:
        return [kind.decode(line) for line in lines]
    except DECODE_ERRORS:
        return None


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*GOOD, BRACED, FLAWED, b"", b"  ", b"{", b"}", b"{}"]), max_size=5), st.data()
)
def test_lines_that_are_decoded_at_once_are_those_that_are_decoded_one_by_one(
    lines: list[bytes], data: st.DataObject
) -> None:
    text = b"\n".join(lines)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from([b"\n", b" ", b",", b"{", b"}"])) + text[at:]
    for kind in (KIND, KIND.loose):
        block = JsonLinesBatch(text)
        assert block.decode_records(kind) in (None, one_by_one(block, kind))


@pytest.mark.parametrize(
    "text",
    [
        GOOD[0][:-1] + b"\n}\n" + GOOD[1] + GOOD[2],
        GOOD[0].replace(b",", b",\n", 1) + b"\n" + GOOD[1] + b" " + GOOD[2],
        b'{"more": [{}\n,{}], ' + GOOD[0][1:] + b"\n" + GOOD[1] + GOOD[2],
        GOOD[0] + b"\n\n" + GOOD[1],
        GOOD[0] + b"\n" + GOOD[1] + GOOD[2],
        GOOD[0] + b"\n" + PLACED,
        PLACED + b"\n" + GOOD[0],
        GOOD[0] + b"\n" + FLAWED[:-1],
    ],
)
def test_lines_are_not_decoded_at_once_unless_each_is_a_record(text: bytes) -> None:
    assert JsonLinesBatch(text).decode_records(KIND) is None
    assert JsonLinesBatch(text).decode_records(KIND.loose) is None


def test_an_object_within_a_record_that_begins_a_line_begins_no_record() -> None:
    text = b'{"more":\n{"a": 1}, ' + GOOD[0][1:] + GOOD[1]
    assert JsonLinesBatch(text).object_lines == len(KIND.loose.decode_lines(text)) == 2
    assert JsonLinesBatch(text).decode_records(KIND.loose) is None


def test_lines_with_braces_in_their_text_are_decoded_at_once() -> None:
    assert JsonLinesBatch(b"\n".join([BRACED, *GOOD, BRACED])).decode_records(KIND) == one_by_one(
        [BRACED, *GOOD, BRACED]
    )


@pytest.mark.parametrize(
    ("extra", "fits"), [(GOOD[2], True), (BRACED, True), (LONG, True), (PLACED, False), (FLAWED[:-1], None)]
)
def test_elements_are_decoded_at_once_when_all_of_them_fit(extra: bytes, fits: bool | None) -> None:
    data = b"[%b]" % b", ".join([*GOOD, extra])
    if fits is None:
        with pytest.raises(msgspec.DecodeError):
            JsonArrayBatch(data, KIND)
        return
    block = JsonArrayBatch(data, KIND)
    assert (block.size, [*block]) == (4, [*GOOD, extra])
    for _ in range(2):  # they are given away at first, and decoded again when they are asked for again
        assert block.decode_records(KIND) == (one_by_one([*GOOD, extra]) if fits else None)
    assert JsonArrayBatch(data, None).decode_records(KIND) == block.decode_records(KIND)
    assert block.decode_records(RECORD_KINDS[ISSUES]) is None


@pytest.mark.parametrize("wanted", [None, 2, 4])
@pytest.mark.parametrize(
    "extra", [[], [FLAWED], [PLACED], [PLACED, FLAWED], [GOOD[0]], [BRACED, FLAWED, GOOD[1]]]
)
def test_blocks_make_the_content_that_single_records_make(extra: list[bytes], wanted: int | None) -> None:
    batches = [
        [*GOOD, BRACED, *extra],
        [msgspec.json.encode(template_record(PAGES, 20, references=["1020"]))],
    ]
    expected = populate_lines(Given(*batches), PAGES, wanted)
    assert (
        populate_lines(Given(*[JsonLinesBatch(b"\n".join(each)) for each in batches]), PAGES, wanted)
        == expected
    )
    arrays = [JsonArrayBatch(b"[%b]" % b",".join(each), KIND) for each in batches]
    assert populate_lines(Given(*arrays), PAGES, wanted) == expected


@pytest.mark.parametrize(
    ("extra", "at_once"),
    [({"Votes": 1}, True), ({"Last Modified": "2026-05-01"}, False), ({"title": " "}, False)],
)
def test_names_that_nothing_reads_do_not_keep_a_batch_from_one_call(
    extra: dict[str, Any], at_once: bool
) -> None:
    lines = [*GOOD, msgspec.json.encode(template_record(PAGES, 9) | extra)]
    for batch in (JsonLinesBatch(b"\n".join(lines)), JsonArrayBatch(b"[%b]" % b",".join(lines), KIND)):
        checker = QualityChecker(KIND, "https://x.example", DuplicateDetector(MemorySpill()), NOW)
        reader = RecordReader(KIND, ClientSite("https://x.example"), sites=SITES, checker=checker)
        assert (reader.decode_plain(batch) is not None) is at_once
        assert list(reader.names.warnings()) == (["Nothing reads Votes."] if "Votes" in extra else [])


def test_names_of_what_is_no_record_are_not_read() -> None:
    assert JsonLinesBatch(b"{}\n[1]").read_names() is None
