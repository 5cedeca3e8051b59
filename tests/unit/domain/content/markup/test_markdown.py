"""Markdown becomes the text that a reader sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.markup import markdown_to_text


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("# Billing **API** #\ntext", "Billing API\ntext"),
        ("Title\n=====\ntext\n\n---\nmore", "Title\ntext\n\nmore"),
        (
            "*it* _it_ **bold** __bold__ ***both*** ~~gone~~ pay**ment**",
            "it it bold bold both gone payment",
        ),
        ("`code *x*` and ``a ` b`` and `List<String> &amp;`", "code *x* and a ` b and List<String> &amp;"),
        ("```python\nx = a_b_c  # <b>\n```\nafter *x*", "x = a_b_c  # <b>\nafter x"),
        ("~~~\n```\n~~~", "```\n"),
        ("```\nnever *closed*", "never *closed*"),
        (
            "[text](https://example.com/a_b_c) [here](#below) [x](<https://example.com> 'title')",
            "text (https://example.com/a_b_c) here x (https://example.com)",
        ),
        ("[![badge](https://img.example.com/b.svg)](https://example.com)", "badge (https://example.com)"),
        (
            "[text][ref] [text] [note][^1]\n\n[ref]: https://example.com 'x'\n[^1]: a note",
            "text [text] [note][^1]\n\n[^1]: a note",
        ),
        (
            "<https://example.com> <a@example.com> <mailto:b@example.com>",
            "https://example.com a@example.com b@example.com",
        ),
        ("| a | b |\n|---|:-:|\n| 1 \\| 2 | `x` |", "a | b\n1 | 2 | x"),
        ("- [ ] open\n- [x] done\n1. [X] done", "- ☐ open\n- ☑ done\n1. ☑ done"),
        ("a<!-- no -->b <details><summary>s</summary>in</details>", "ab \n\ns\n\nin"),
        ("pay<b>ment</b> &amp; &lt;tag&gt; \\*not bold\\* 1 \\< 2", "payment & <tag> *not bold* 1 < 2"),
        (":rocket: :our_own:", "🚀 :our_own:"),
    ],
)
def test_marks_become_what_they_mean(markdown: str, shown: str) -> None:
    assert [line.strip() for line in markdown_to_text(markdown).split("\n") if line.strip()] == [
        line.strip() for line in shown.split("\n") if line.strip()
    ]


@pytest.mark.parametrize(
    "plain",
    [
        "snake_case_name",
        "2 * 3 * 4",
        "- a\n- b\n  - c",
        "> quoted",
        "#hashtag",
        "a | b",
        "x[1](y z)",
        "12:30:45",
        "",
        "a < b",
    ],
)
def test_plain_text_stays_as_it_is(plain: str) -> None:
    assert markdown_to_text(plain) == plain


@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"], exclude_characters="\xa0")))
def test_a_text_without_marks_is_never_changed(text: str) -> None:
    assert markdown_to_text(text) == text
