"""Jira's wiki markup becomes the text that Jira shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.markup import wiki_to_text
from domain.content.markup.wiki import is_wiki_markup


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("h1. Steps\ntext\n  h3. More", "Steps\ntext\nMore"),
        (
            "before\n{code:java|title=A.java}\nthrow *x*; // h1. no\n{code}\nafter",
            "before\nA.java\nthrow *x*; // h1. no\nafter",
        ),
        ("{noformat}\n{code}\n{noformat}", "{code}"),
        ("{code}a{code} {code:sh}b{code}", "a b"),
        ("{code:sh}never *closed*", "{code:sh}never closed"),
        ("{quote}said{quote} {color:red}red{color} {panel:title=Note|x=1}in{panel}", "said red Note\nin"),
        ("bq. said", "> said"),
        (
            "See [OPS-2], [OPS-3]'s and [x|OPS-4]; list[OPS-5], [ops-6] and \\[OPS-7\\] stay",
            "See OPS-2, OPS-3's and x (OPS-4); list[OPS-5], [ops-6] and [OPS-7] stay",
        ),
        ("{noformat}[OPS-2]\n----{noformat}", "[OPS-2]\n----"),
        (
            "above\n----\nbelow\r\n  -----  \r\n* one\n---\n-- x",
            "above\n---\nbelow\r\n---\r\n- one\n---\n  - x",
        ),
        (
            "*bold* _it_ -gone- +new+ x ^up^ ~down~ ??cited?? {{mono}} {*}b{*}old",
            "bold it gone new x up down cited mono *b*old",
        ),
        (
            "[the runbook|https://example.com/x] [r|https://example.com|smart-link]",
            "the runbook (https://example.com/x) r (https://example.com)",
        ),
        (
            "[page|{{site:confluence_pages}}/x] [a@example.com|mailto:a@example.com]",
            "page ({{site:confluence_pages}}/x) a@example.com",
        ),
        (
            "[https://example.com/a_b_c] [mailto:a@example.com] [^log.txt] [#below]",
            "https://example.com/a_b_c a@example.com log.txt below",
        ),
        ("[~jon] [~accountid:5b10]", "@jon @5b10"),
        ("!screen.png|thumbnail! !my shot.jpg!", "screen.png my shot.jpg"),
        ("||name||age||\n|Ada|36|", "name | age\nAda | 36"),
        (
            "# one\n## inner\n# two\n* a\n** b\n- c\n\n# one",
            "1. one\n  1. inner\n2. two\n- a\n  - b\n- c\n\n1. one",
        ),
        ("one\\\\\ntwo \\{x\\} \\*y\\*", "one\n\ntwo {x} *y*"),
    ],
)
def test_marks_become_what_they_mean(markup: str, shown: str) -> None:
    assert wiki_to_text(markup) == shown


@pytest.mark.parametrize(
    "plain",
    [
        "snake_case_name",
        "2 * 3 * 4",
        "a - b - c",
        "pre- and post-",
        "Wow! It works!",
        "C++ and D++",
        "x[1] and {y}",
        "a|b",
        "",
    ],
)
def test_plain_text_stays_as_it_is(plain: str) -> None:
    assert wiki_to_text(plain) == plain


@pytest.mark.parametrize(
    "markup",
    [
        "x\nh2. Steps",
        "{code}x{code}",
        "{noformat:a=1}x{noformat}",
        "bq. x",
        "||a||b||",
        "[x|https://e.com]",
        "[x|#y]",
        "[~jon]",
        "[^a.log]",
    ],
)
def test_marks_that_nobody_writes_in_plain_text_are_recognized(markup: str) -> None:
    assert is_wiki_markup(markup)


@pytest.mark.parametrize(
    "plain",
    [
        "see {code} in the manual",
        "*important*",
        "- a\n- b",
        "# one",
        "array[x|y]",
        "h2.",
        "a || b",
        "{x} {y}",
        "[a] [~]",
        "!a.png!",
    ],
)
def test_plain_text_is_not_taken_for_markup(plain: str) -> None:
    assert not is_wiki_markup(plain)


@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"])))
def test_a_text_without_marks_is_never_changed(text: str) -> None:
    assert wiki_to_text(text) == text
