"""The seam through which importers turn markup into text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.adapters.templates.exports import markup


@pytest.mark.parametrize(
    ("given_text", "text"),
    [
        ("<p>a</p>", "<p>a</p>"),
        ("<ac:parameter ac:name='x'>y</ac:parameter>", ""),
        ("<ac:plain-text-body><![CDATA[a < b]] c]]></ac:plain-text-body>", "a &lt; b]] c"),
    ],
)
def test_storage_format_becomes_html(given_text: str, text: str) -> None:
    assert markup.from_confluence_storage(given_text) == text


@pytest.mark.parametrize(
    ("given_text", "text"),
    [
        ("<@U1> <@U2|ada> <@U3>", "@Kim @ada @U3"),
        ("<#C1> <#C2|ops>", "#general #ops"),
        ("<!here> <!date^1^{date}|today>", "@here today"),
        ("<https://x.example|x> <https://x.example>", "x (https://x.example) https://x.example"),
        ("a &lt; b", "a < b"),
    ],
)
def test_mrkdwn_becomes_text(given_text: str, text: str) -> None:
    assert markup.from_slack(given_text, {"U1": "Kim", "C1": "general"}) == text


def test_wiki_markup_becomes_text() -> None:
    given_text = "h2. Steps\n{code:java}\nx();\n{code}\n[a|https://x.example] {{E42}} !a.png|thumbnail!"

    assert markup.from_jira_wiki(given_text).split()[:5] == [
        "Steps",
        "x();",
        "a",
        "(https://x.example)",
        "E42",
    ]


@given(st.text(alphabet="<>[]{}|!&:@#ac ri\n"), st.recursive(st.none() | st.text(), st.lists))
def test_no_text_is_too_strange(text: str, value: object) -> None:
    markup.from_confluence_storage(text)
    markup.from_slack(text, {})
    markup.from_jira_wiki(text)
    assert isinstance(markup.from_adf({"content": value}), str)
