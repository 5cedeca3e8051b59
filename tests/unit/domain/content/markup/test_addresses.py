"""Links of pages that lead to a program lose their address, and nothing else of the page is lost."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.markup import clean_page_body, html_to_text

PROGRAMS = [
    '<a href="javascript:alert(1)">run</a>',
    "<a class=x href = ' \x01JavaScript:alert(1)' title='t'>run</a>",
    "<a href=javascript:alert(1)>run</a>",
    '<a href="java\n\tscript:alert(1)">run</a>',
    '<a href="&#106;avascript&colon;alert(1)">run</a>',
    '<a href="j&#x61;vascript:alert(1)">run</a>',
    '<a href="vbscript:msgbox(1)">run</a>',
    '<a href="data:text/html,<b>x</b>">run</a>',
    '<a href="https://x.example" href="javascript:alert(1)">run</a>',
    '<svg><a xlink:href="javascript:alert(1)">run</a></svg>',
    '<form action="javascript:alert(1)"><button formaction="JAVASCRIPT:x">run</button></form>',
    '<iframe src="javascript:alert(1)"></iframe>run',
    '<object data="data:text/html;base64,eA=="></object>run',
    '<img src="data:image/svg+xml,<svg/>" alt="run">run',
]
HARMLESS = [
    '<p>See <a href="https://x.example/?q=javascript:1">the site</a>.</p>',
    '<p class="data-table" data-title="javascript:">a = data: 1</p>',
    '<p>Write <code>href="javascript:void(0)"</code> and href=javascript: in no page.</p>',
    '<img src="data:image/png;base64,eA==" alt="a">',
    '<a href="{{site:jira_issues}}/browse/PAY-1">PAY-1</a>',
    '<a href="dashboard.html">d</a><a href="&quot;">q</a>',
    "a = java: b",
]
_PROGRAM = re.compile(r"[\x00-\x20]*(?:javascript|vbscript|data):")


class _Links(HTMLParser):
    """The addresses that a browser would follow."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(body)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.found += [
            re.sub(r"[\t\n\r]", "", value or "").lower() for name, value in attrs if name in _FOLLOWED
        ]


_FOLLOWED = ("href", "src", "xlink:href", "action", "formaction", "data")


def _programs(body: str) -> list[str]:
    return [each for each in _Links(body).found if _PROGRAM.match(each)]


@pytest.mark.parametrize("body", PROGRAMS)
@pytest.mark.parametrize("around", ["{}", "<ac:layout-cell>{}</ac:layout-cell>"])
def test_a_link_to_a_program_loses_its_address_and_keeps_its_text(body: str, around: str) -> None:
    page = around.format(body)
    cleaned = clean_page_body(page)

    assert _programs(body)
    assert _programs(cleaned) == []
    assert html_to_text(cleaned).split() == ["run"]


@pytest.mark.parametrize("body", HARMLESS)
def test_what_leads_to_no_program_stays_to_the_byte(body: str) -> None:
    assert clean_page_body(body) == body


def test_what_else_an_element_says_is_kept() -> None:
    body = (
        '<p id=a>&lt;b&gt; <a class="x" href="javascript:f(\'a\')" title="t">run</a> <a href="#b">b</a></p>'
    )
    void = '<ac:a><img alt="a" src="javascript:f()" /><a href="javascript:f()"/></ac:a>'

    assert clean_page_body(body) == '<p id=a>&lt;b&gt; <a class="x" title="t">run</a> <a href="#b">b</a></p>'
    assert clean_page_body(void) == '<img alt="a" /><a></a>'


def test_character_data_beside_such_a_link_stays_text() -> None:
    assert clean_page_body("<a href=javascript:f()>a</a><![CDATA[<b>]]>") == "<a>a</a>&lt;b&gt;"


@given(
    st.lists(
        st.sampled_from(
            [
                "<a",
                "<img",
                " ",
                "\n",
                "href",
                "src",
                "=",
                "'",
                '"',
                ">",
                "java",
                "script:",
                "data:",
                "&#106;",
                "x",
                "/",
            ]
        ),
        max_size=16,
    ).map("".join)
)
def test_no_text_hides_a_program_from_the_reader_of_pages(body: str) -> None:
    assert _programs(clean_page_body(body)) == []
