"""Texts that decode, and are still not what their field wants: addresses that are none, ids of several lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.documents import RECORD_KINDS, JsonLinesBatch
from domain.content.documents.kinds import is_one_line, is_web_address
from domain.content.documents.kinds.texts import are_web_addresses
from domain.model.enums import DatasetType
from domain.model.text import printable
from tests.support.content.records import (
    NOW,
    PAGES,
    SITES,
    InMemoryRecordStream,
    populate,
    populate_lines,
    template_record,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.model.content import Content

ADDRESSES = [
    "https://example.com",
    "http://example.com:8080/a/b?c=d#e",
    "HTTPS://Example.com/",
    "https://wiki/x",
    "https://example.com?page=1",
    "https://münchen.example/straße",
    "https://kim@example.com/x",
    "https://[2001:db8::1]:443/x",
    "https://example.com/a[1]|{b}",
]
NONE = [
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://example.com/x",
    "/wiki/x",
    "//example.com/x",
    "example.com/x",
    "https:///x",
    "https://?x",
    "https://:80/x",
    "https://kim@/x",
    "https://",
    "https:/example.com",
    "https://example.com:port/",
    "https://example.com/a b",
    "https://exa mple.com/",
    "https://example.com/a\nhttps://example.com/b",
    "https://example.com/\x00",
    "https://example.com\\@evil.example",
    "{{site:jira_isues}}/browse/PAY-1",
    "see the wiki",
]


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_on_the_web_is_one(text: str) -> None:
    assert is_web_address(text)
    assert are_web_addresses([text, "https://example.com/x", text])


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_address_on_the_web_is_none(text: str) -> None:
    assert not is_web_address(text)
    assert not are_web_addresses(["https://example.com/x", text])


@given(
    st.lists(st.sampled_from(ADDRESSES + NONE) | st.text(st.sampled_from("htps:/.@[]a?# \n\\"), max_size=12))
)
def test_many_texts_are_addresses_where_each_of_them_is(texts: list[str]) -> None:
    assert are_web_addresses(texts) is all(map(is_web_address, texts))


def schema_findings(content: Content) -> list[tuple[str, str, int, str | None]]:
    """The findings of the schema, each as field, problem, count and value."""
    found = next(each for each in content.report.checks if each.check == "schema_conformity")
    return [(each.field, each.problem, each.count, each.value) for each in found.findings]


@pytest.mark.parametrize("text", NONE)
@pytest.mark.parametrize("dataset_type", DatasetType)
def test_an_address_that_is_none_is_a_finding_and_the_one_in_the_copy_replaces_it(
    dataset_type: DatasetType, text: str
) -> None:
    records = [template_record(dataset_type, 1), template_record(dataset_type, 2, url=text)]
    documents, content = populate(records, dataset_type)
    problem = "is not an address such as https://example.com/page"
    shown = text.replace("\n", "\\n")
    assert schema_findings(content) == [("url", problem, 1, f'"{printable(shown)}"')]
    assert documents[1]["url"].startswith(f"{SITES[dataset_type]}/")


@pytest.mark.parametrize("url", ["", " ", None, "{{site:confluence_pages}}/x", " https://example.com/x "])
def test_an_address_may_be_absent_or_blank_or_have_a_placeholder_or_spaces_around(url: str | None) -> None:
    documents, content = populate([template_record(PAGES, 1), template_record(PAGES, 2) | {"url": url}])
    assert schema_findings(content) == []
    assert is_web_address(documents[1]["url"])


@pytest.mark.parametrize("value", [7, True, ["https://a.example"], {"href": "https://a.example"}])
def test_an_address_that_is_no_text_is_a_finding(value: object) -> None:
    _, content = populate([template_record(PAGES, 1, url=value)])
    assert [each[:3] for each in schema_findings(content)] == [
        ("url", "is not an address such as https://example.com/page", 1)
    ]


@pytest.mark.parametrize("mark", ["\n", "\r", "\x00", "\x1b", "\x85", "\u2028"])
@pytest.mark.parametrize("dataset_type", DatasetType)
def test_an_id_of_several_lines_is_a_finding_and_stays_one_document(
    dataset_type: DatasetType, mark: str
) -> None:
    identifier = RECORD_KINDS[dataset_type].identifiers[0]
    flawed = template_record(dataset_type, 2, url=None, **{identifier: f"PAY-2{mark}x"})
    if dataset_type is DatasetType.GITHUB_REPOS:
        assert not is_one_line(flawed[identifier])  # the connector's settings cannot list such a repository
        return
    documents, content = populate([template_record(dataset_type, 1), flawed], dataset_type)
    assert [each[:3] for each in schema_findings(content)] == [
        (identifier, "has a line end or control character", 1)
    ]
    assert len(documents) == 2
    assert mark not in documents[1]["url"]


@pytest.mark.parametrize("text", ["PAY-1", "Straße 7", "a\u00a0b", "a\u200db", ""])
def test_any_other_character_may_stand_in_an_id(text: str) -> None:
    assert is_one_line(text)


@pytest.mark.parametrize("changes", [{"url": "javascript:alert(1)"}, {"page_id": "a\nb"}, {"title": " "}])
def test_a_batch_is_judged_as_its_records_are(changes: dict[str, str]) -> None:
    records = [template_record(PAGES, 1), template_record(PAGES, 2, **changes), template_record(PAGES, 3)]
    lines = [msgspec.json.encode(each) for each in records]
    alone, singly = populate_lines(InMemoryRecordStream(lines), PAGES)
    batch, together = populate_lines(_OneBatch(b"\n".join(lines)), PAGES)
    assert (batch, together) == (alone, singly)
    assert together.report.evaluated_at == NOW


class _OneBatch(InMemoryRecordStream):
    def __init__(self, data: bytes) -> None:
        super().__init__([])
        self._data = data

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        yield JsonLinesBatch(self._data)
