"""Placeholders: exact ones lead to a site, and every misspelt one is found."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.documents import find_placeholders, has_placeholder
from domain.content.documents.placeholders import have_placeholder
from domain.model.enums import DatasetType


@pytest.mark.parametrize("each", DatasetType)
@pytest.mark.parametrize("after", ["", "/browse/PAY-1", '"', " and", "\\n", ")."])
def test_an_exact_placeholder_leads_to_its_site(each: DatasetType, after: str) -> None:
    text = f"{{{{site:{each.value}}}}}"
    data = f'{{"body":"see {text}{after}"}}'.encode()
    assert has_placeholder(data)
    assert list(find_placeholders(data)) == [(text.encode(), True)]


@pytest.mark.parametrize(
    "misspelt",
    [
        "{{site:jira_issue}}",
        "{{ site:jira_issues }}",
        "{{site: jira_issues}}",
        "{{Site:jira_issues}}",
        "{site:jira_issues}",
        "{{site:JIRA_ISSUES}}",
        "{{sites:jira_issues}}",
        "{{site:jira_issues}}browse",
        "{{site:jira_issues}",
        "{{site}}",
        "{{jira_issues}}",
    ],
)
def test_a_misspelt_placeholder_is_found_as_it_is_written(misspelt: str) -> None:
    data = f'[{{"body":"see {misspelt}/x"}}]'.encode()
    assert has_placeholder(data)
    assert list(find_placeholders(data)) == [(misspelt.encode(), False)]


@pytest.mark.parametrize("text", ["{{mustache}} {a}", "GET /{site}/x", "{site: main}", "{code}", "f(){}", ""])
def test_other_braces_are_no_placeholder(text: str) -> None:
    assert not has_placeholder(f'{{"body":"{text}"}}'.encode())


@given(st.text(st.sampled_from('{}": site_jira\n')))
def test_what_is_found_is_told_before(text: str) -> None:
    data = text.encode()
    assert has_placeholder(data) or not [each for each in find_placeholders(data) if b"{{" in each.text]


@given(
    st.lists(
        st.sampled_from(["see", "{", "}", "{}", "{{site:jira_issues}}", "{site:jira_issues}", "{{ site: x"]),
        max_size=4,
    )
)
def test_a_placeholder_among_many_records_is_found(texts: list[str]) -> None:
    data = b"\n".join(msgspec.json.encode({"body": each}) for each in texts)
    assert have_placeholder(data, len(texts)) is has_placeholder(data)
