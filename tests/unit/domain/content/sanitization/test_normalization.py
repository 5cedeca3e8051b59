"""Normalised texts: every character has its place in the original, and replacements keep the markup."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.sanitization.normalization import fold_spelling, has_flow, normalize_text
from domain.content.sanitization.scanner import Hit, apply_edits

TRICKY = st.lists(
    st.sampled_from(
        [
            "Maria",
            "Lopez",
            " ",
            "  ",
            "\n",
            " \n  ",
            "\t",
            "<b>",
            "</b>",
            "<br/>",
            "<td>",
            "</td>",
            "&nbsp;",
            "&uuml;",
            "&#252;",
            "&amp;#252;",
            "&unknown;",
            "%C3%BC",
            "%20",
            "%2520",
            "%E2%82%AC",
            "%zz",
            "\u00ad",
            "\u200b",
            "u\u0308",
            "ü",
            "ß",
            "\ufb01",
            "аеор",
            "Ｍａ",
            "\U0001d400",
            "王",
            "🙂",
            "\\u00fc",
            "\\ud83d\\ude42",
            "\\n",
            "\\_",
            "*",
            "**",
            "_",
            "`",
            "{color:red}",
            "{*}",
            "{",
            "<",
            "&",
            "%",
            "\\",
            "&nbsp; &nbsp;",
            "\u00a0",
            "İ",
            "<!-- x -->",
            "\u3000",
        ]
    ),
    max_size=12,
).map("".join)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Maria", "Maria"),
        ("M&aacute;ria &amp; co", "Maria & co"),
        ("&amp;amp;", "&"),
        ("M%C3%A1ria%20L", "Maria L"),
        ("M%25C3%25A1ria", "Maria"),
        ("100% sure, 50%ok", "100% sure, 50%ok"),
        ("Ma\u00adr\u200bia\ufeff", "Maria"),
        ("\u00adMaria", "Maria"),
        ("\u0301\u00ad \u200b", " "),
        ("Marı\u0301a", "Maria"),
        ("Мaria", "Maria"),
        ("ＭＡＲＩＡ", "MARIA"),
        ("\U0001d40c\U0001d41a", "Ma"),
        ("stra\u00dfe \ufb01n", "stra\u00dfe fin"),
        ("a\u00a0b", "a b"),
        ("a &nbsp; b", "a b"),
        ("a \n   b", "a b"),
        ("a\nb", "a\nb"),
        ("a \nb", "a b"),
        ("a  \n  b", "a\nb"),
        ("\\u004d\\u0061ria", "Maria"),
        ("\\ud835\\udc0cx", "Mx"),
        ("C:\\new", "C:\\new"),
        ('{"a":"x\\ny"}', '{"a":"x\ny"}'),
        ("a\\_b", "a_b"),
        ("\u00f8\u0142", "ol"),
        ("<b>Ma</b>", "<b>Ma</b>"),
        ("&notanentity", "&notanentity"),
        ("İstanbul", "Istanbul"),
        ("&#x0;x", "x"),
        ("王小明", "王小明"),
        ("김철수", "김철수"),
    ],
)
def test_a_text_is_shown_as_its_reader_sees_it(text: str, shown: str) -> None:
    assert normalize_text(text).shown.replace("�", "") == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ma<b>ri</b>a", "Maria"),
        ('Ma<span title="a b">ri</span>a', "Maria"),
        ("<td>Maria</td><td>Lopez</td>", " Maria Lopez "),
        ("Maria <i> Lopez</i>", "Maria Lopez"),
        ("Maria<br/>Lopez", "Maria Lopez"),
        ("<b>Maria</b>&nbsp;<i>Lopez</i>", "Maria Lopez"),
        ("Ma<!-- x y -->ria", "Maria"),
        ("**Ma**ria `x` ~y~", "Maria x y"),
        ("_Maria_ snake_case", "Maria snake_case"),
        ("{color:red}Maria{color} {*}L{*}", "Maria L"),
        ("a < b > c", "a < b > c"),
        ('{"text":"Ma","marks":[{"type":"b"}]},{"type":"text","text":"ria"}', '{"text":"Maria"}'),
        ("{{site:jira_issues}}/x", "{{site:jira_issues}}/x"),
    ],
)
def test_the_flow_of_a_text_is_without_markup(text: str, shown: str) -> None:
    assert normalize_text(text, flow=True).shown == shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a<b>c", True),
        ("*a*", True),
        ("_a_", True),
        ("a_b", False),
        ('{"text":"a"}', True),
        ("{x}", True),
        ("{{x}}", True),
        ("a < b", False),
    ],
)
def test_only_a_text_with_marks_has_a_flow_of_its_own(text: str, expected: bool) -> None:
    assert has_flow(text) is expected


@given(st.one_of(TRICKY, st.text()), st.booleans(), st.booleans())
def test_every_range_has_its_place_and_every_edit_is_apart(text: str, flow: bool, as_json: bool) -> None:
    source = f'{{"a":"{text}"}}' if as_json else text
    view = normalize_text(source, flow=flow)
    assert len(view.shown) == len(view.folded)
    ends = 0
    for start in range(len(view.shown)):
        first, last = view.span(start, start + 1)
        assert 0 <= first < last <= len(source)
        assert last >= ends
        ends = last
    for start in range(0, len(view.shown), 3):
        for end in range(start + 1, min(len(view.shown), start + 9) + 1):
            edits = sorted(view.edits(start, end, "New Name"))
            assert all(before[1] <= after[0] for before, after in pairwise(edits))
            made = apply_edits(source, [Hit(*view.span(start, end), "x", edits)])
            assert made.startswith(source[: view.span(start, end)[0]])
            assert made.endswith(source[view.span(start, end)[1] :])
            if view.shown[start:end].strip():
                assert "New" in made
                assert "Name" in made


@given(TRICKY)
def test_a_plain_text_is_its_own_view(text: str) -> None:
    view = normalize_text(text)
    if view.shown == text:
        assert all(view.span(at, at + 1) == (at, at + 1) for at in range(len(text)))


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Maria", "A B"),
        ("Ma\u00adria", "A B"),
        ("M&aacute;ria L", "A B"),
        ("Maria L\u00ad", "A B"),
        ("Maria&nbsp;Lopez", "A&nbsp;B"),
        ("Maria%20Lopez", "A%20B"),
        ("Maria  Lopez", "A  B"),
        ("Maria%20C%20Lopez", "A%20%20B"),
        ("Ma<b>ri</b>a", "A B<b></b>"),
        ("<b>Ma</b>ria <i>Lo</i>pez", "<b>A</b> <i>B</i>"),
    ],
)
def test_a_replacement_keeps_markup_and_separators(text: str, made: str) -> None:
    view = normalize_text(text, flow=has_flow(text))
    edits = view.edits(0, len(view.shown), "A B")
    assert apply_edits(text, [Hit(0, len(text), "x", edits)]) == made


def test_spellings_are_folded_like_texts() -> None:
    assert fold_spelling(" Jürgen O'Müller-Lüdenscheidt ") == "jurgen o muller ludenscheidt"
    assert fold_spelling("m.lopez_x") == "m lopez x"
