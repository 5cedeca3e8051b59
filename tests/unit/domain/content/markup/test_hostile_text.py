"""Markup of people who mean harm: time in proportion to the length, no recursion, no error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.markup import (
    adf_to_text,
    clean_issue_description,
    clean_page_body,
    html_to_text,
    markdown_to_text,
    slack_to_text,
    storage_to_html,
    wiki_to_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

READERS: Final[dict[str, Callable[[str], str]]] = {
    "adf": adf_to_text,
    "html": html_to_text,
    "issue": clean_issue_description,
    "markdown": markdown_to_text,
    "page": clean_page_body,
    "slack": lambda text: slack_to_text(text, {}),
    "storage": storage_to_html,
    "wiki": wiki_to_text,
}
HTML: Final = (
    "<", "<a", "<a ", "<a b='", "<a b='\"", "<a ='>\" ", "<p>", "<td>", "</b>", "<!--", "<![CDATA[",
    "<script>", "<li hidden>", "&", "&amp;", "<a href=javascript:", "<a href='data:'>", "=&",
)  # fmt: skip
STORAGE: Final = (
    "<ac:a>", "<ac:link>", "<ac:parameter>", "<ac:structured-macro>", "<ac:task-status>", "<ri:page>",
    "</ac:a>", "<time ",
)  # fmt: skip
MARKS: Final = (
    "[", "{", "*", "`", "_", "~", "-", "\\", "!", "#", ">", "|", "--", "=", " ", "\t", "\n", "[a](", "[a](  ",
    "![", "[a|", "[~", "{code}", "{code:a}", "{code:a}{noformat}", "{color", "{{", "{{site:", "!a", "``a`",
    "*a ", "**a ", "_a ", "~~a ", "??a ", ":a", ":a:", "h1. ", "# ", "\n# ", "\n* ", "||a", "\n||a", "\n|a",
    "```\n", "\n- [ ] ", "https://", "<https://", "<@",
)  # fmt: skip
PIECES: Final = (*HTML, *STORAGE, *MARKS)
SHORT: Final = 3_000


@pytest.mark.parametrize("reader", READERS)
def test_the_time_is_in_proportion_to_the_length(reader: str) -> None:
    def seconds(piece: str, length: int) -> float:
        text = piece * (length // len(piece))
        began = time.process_time()
        READERS[reader](text)
        return time.process_time() - began

    def is_slow(piece: str) -> bool:
        long = seconds(piece, 16 * SHORT)
        # What is quadratic would take 256 times as long as of a sixteenth of the text. Most is not worth comparing.
        return long > 0.1 and min(long, seconds(piece, 16 * SHORT)) > 80 * seconds(piece, SHORT)

    slow = [each for each in PIECES if is_slow(each)]
    assert slow == []


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("piece", ["<", "[", "{", "*"])
def test_a_megabyte_of_one_mark_takes_no_second_of_the_processor(reader: str, piece: str) -> None:
    began = time.process_time()
    READERS[reader](piece * 1_000_000)
    assert (
        time.process_time() - began < 3
    )  # of a machine that is busy with other tests; measured are 0.1 to 0.7


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<div>", "</div>"),
        ("<ac:link><ac:link-body>", "</ac:link-body></ac:link>"),
        (
            '<ac:structured-macro ac:name="info"><ac:rich-text-body>',
            "</ac:rich-text-body></ac:structured-macro>",
        ),
        ("{quote}", "{quote}"),
        ("[", "](x)"),
        ("> ", ""),
        ('{"type": "doc", "content": [', "]}"),
    ],
)
def test_ten_thousand_levels_are_no_recursion(reader: str, opening: str, closing: str) -> None:
    assert "deep" in READERS[reader](f"{opening * 10_000}deep{closing * 10_000}")


def test_ten_thousand_levels_of_an_object_are_no_recursion() -> None:
    node: dict[str, object] = {"type": "text", "text": "deep"}
    for level in range(10_000):
        node = {"type": ("bulletList", "listItem", "tableCell")[level % 3], "content": [node]}
    assert adf_to_text({"type": "doc", "content": [node]}).endswith("deep")


@pytest.mark.parametrize("reader", READERS)
@given(
    text=st.lists(
        st.one_of(
            st.sampled_from([*PIECES, "x", "</", "/>", "'", '"', ")", "]", "}"]),
            st.text(max_size=3),
        )
    ).map("".join)
)
def test_no_text_is_an_error(reader: str, text: str) -> None:
    assert isinstance(READERS[reader](text), str)
