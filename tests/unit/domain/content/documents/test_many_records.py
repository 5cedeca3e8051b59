"""What is found of many records in one call is what is found of each of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.content.checks import DuplicateDetector, QualityChecker
from domain.content.checks.spill import MemorySpill
from domain.content.documents import RECORD_KINDS, Author, ClientSite, Document
from domain.content.documents.kinds import build_urls, encode_paths
from domain.content.documents.kinds.addresses import encode_segment, encode_segments
from domain.content.documents.kinds.texts import are_filled_lines, is_one_line
from domain.content.documents.neutral import Body
from domain.model.enums import DatasetType
from tests.support.content.records import (
    ISSUES,
    NOW,
    PAGES,
    template_record,
)

if TYPE_CHECKING:
    from domain.model.content import CheckResult

NAMES = [
    "PAY-1",
    "a.b",
    "..",
    ".",
    "",
    "a b",
    "Straße",
    "a%2Fb",
    "~kim",
    "acme/ledger",
    "a//b",
    "a\nb",
    "\u2028",
    " ",
]
TEXTS = st.lists(st.sampled_from(NAMES) | st.text(max_size=6), max_size=5)
SITE = ClientSite("https://x.example", "acme")


@given(TEXTS)
def test_names_are_encoded_together_as_they_are_one_by_one(names: list[str]) -> None:
    assert [*encode_segments(names)] == [*map(encode_segment, names)]
    assert [*encode_paths(names)] == ["/".join(map(encode_segment, each.split("/"))) for each in names]
    assert all(
        "/" not in each and unquote(each) in {name, name.replace(".", "%2E")}
        for name, each in zip(names, encode_segments(names), strict=True)
    )


@given(TEXTS)
def test_texts_are_filled_lines_where_each_of_them_is(texts: list[str]) -> None:
    assert are_filled_lines(texts) is all(is_one_line(each) and not each.isspace() for each in texts)


def drawn_records(dataset_type: DatasetType) -> st.SearchStrategy[list[Any]]:
    """Records of a type, in which each field has one of a few values, or none."""
    kind = RECORD_KINDS[dataset_type]
    values: dict[str, st.SearchStrategy[Any]] = {
        each.name: st.sampled_from(_VALUES[each.reads.name]) for each in kind.fields
    }
    return st.lists(st.builds(kind.record, **values), min_size=1, max_size=6)


_VALUES: dict[str, list[Any]] = {
    "ID": ["PAY-1", "a b", "acme/ledger", "x"],
    "TEXT": ["ledger", "*bold* <b>", "acme/ledger", "h1. Title\nand text", "a" * 90, "words " * 20, None],
    "COUNT": [0, 7],
    "INSTANT": [NOW, None],
    "TEXTS": [("1",), ("1", "acme"), (), None],
    "PERSON": ["ada@acme.example", "Ada", "unassigned", " "],
    "ADDRESS": ["https://x.example/own", None, ""],
}


@settings(deadline=None)
@given(st.data())
@pytest.mark.parametrize("dataset_type", DatasetType)
def test_documents_are_made_together_as_they_are_one_by_one(
    dataset_type: DatasetType, data: st.DataObject
) -> None:
    kind = RECORD_KINDS[dataset_type]
    required = {each.name for each in kind.fields if each.required and not each.nullable}
    records = [
        msgspec.structs.replace(
            each,
            **{name: getattr(each, name) or "filled" for name in required if name not in {"stars", "issues"}},
        )
        for each in data.draw(drawn_records(dataset_type))
    ]
    assert kind.documents(records, SITE) == [kind.document(each, SITE) for each in records]


def test_an_own_address_is_kept_beside_those_in_the_copy() -> None:
    kind = RECORD_KINDS[PAGES]
    records = [
        kind.decode(msgspec.json.encode(template_record(PAGES, number, url=url)))
        for number, url in enumerate([None, "https://wiki.example/x", None])
    ]
    assert build_urls(records, SITE.url, "spaces/{space_key}/pages/{page_id}") == [
        "https://x.example/spaces/PAY/pages/1000",
        "https://wiki.example/x",
        "https://x.example/spaces/PAY/pages/1002",
    ]
    assert build_urls(records[1:2], SITE.url, "{page_id}") == ["https://wiki.example/x"]


INSTANTS = st.sampled_from(
    [
        None,
        NOW,
        NOW - timedelta(days=9),
        NOW + timedelta(days=9),
        datetime(1980, 1, 1, tzinfo=UTC),
        datetime(2026, 5, 1),  # noqa: DTZ001 - a record may name no zone
        datetime(2026, 5, 1, tzinfo=timezone(timedelta(hours=5))),
    ]
)
EMAILS = st.sampled_from(["ada@acme.example", "ada@acme.invalid", "nobody"])


def checked(batches: list[list[Document]]) -> tuple[tuple[CheckResult, ...], int]:
    """The results of documents that are checked in these batches, and how many timestamps have no zone."""
    duplicates = DuplicateDetector(MemorySpill())
    checker = QualityChecker(RECORD_KINDS[ISSUES], "https://x.example", duplicates, NOW)
    first = 1
    for batch in batches:
        duplicates.register_ids([each.id for each in batch])
        checker.check_documents(batch, first)
        first += len(batch)
    return checker.results(), checker.without_zone


@settings(deadline=None)
@given(
    st.lists(st.tuples(INSTANTS, INSTANTS, EMAILS, st.none() | EMAILS | st.just("")), min_size=1, max_size=5)
)
def test_documents_are_checked_together_as_they_are_one_by_one(
    drawn: list[tuple[datetime | None, datetime | None, str, str | None]],
) -> None:
    def documents() -> list[Document]:
        return [
            Document(
                "jira_issues",
                f"PAY-{at}",
                "title",
                Body("text/plain", ""),
                "PAY",
                Author(author),
                "https://x.example",
                (),
                updated,
                created,
                {"assignee": assignee} if assignee is not None else None,
            )
            for at, (updated, created, author, assignee) in enumerate(drawn)
        ]

    assert checked([documents()]) == checked([[each] for each in documents()])


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["PAY-1", "pay-1", "PAY-2", "Straße", "STRASSE", "a\nb", "A\nB", "a"]), max_size=9
    )
)
def test_ids_are_registered_together_as_they_are_one_by_one(ids: list[str]) -> None:
    together, single = (DuplicateDetector(MemorySpill()) for _ in range(2))
    suspects = [at for at, each in enumerate(ids) if single.register_ids([each])]
    assert together.register_ids(ids) == suspects
    folded = [each.casefold() for each in ids]
    assert suspects == [at for at, each in enumerate(folded) if each in folded[:at]]
