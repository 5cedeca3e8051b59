"""The text of HTML is what a browser shows of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.markup import body_to_text, html_to_text
from domain.content.markup.html_text import show_simple_page, strip_tags


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("pay<b>ment</b>split sub<sub>2</sub>", "paymentsplit sub2"),
        ("pay&shy;ment <wbr>un<wbr>broken", "payment unbroken"),
        ("one<br>two<br/>three</br>four", "one\ntwo\nthree\nfour"),
        ("one<br><br>two", "one\n\ntwo"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<p>one<p>two", "one\n\ntwo"),
        ("one</p>two", "one\n\ntwo"),
        ("<div>one</div>two", "one\ntwo"),
        ("<ul><li>one<li>two</ul>three", "one\ntwo\nthree"),
        (
            "<table><tr><th><p>a</p></th><th>b</th></tr><tr><td>1</td><td>2<br>3</td></tr></table>",
            "a\tb\n1\t2 3",
        ),
        ("<p> much \n\t space </p> <b> here </b>", "much space\n\nhere"),
        ("<pre>a  b\n c</pre>after", "a  b\n c\n\nafter"),
        ("<p>a&nbsp;b &amp;lt; &#128512; caf&eacute;</p>", "a b &lt; 😀 café"),
        ("a<hr>b", "a\n\nb"),
        ("<a href='x' title='not shown'>shown</a><img alt='not shown' src='x'>", "shown"),
    ],
)
def test_tags_in_a_line_cut_no_word_and_blocks_begin_lines(html: str, shown: str) -> None:
    assert html_to_text(html) == shown


@pytest.mark.parametrize(
    "unseen",
    [
        "<script>no</script>",
        "<STYLE type='x'>no</style >",
        "<template>no</template>",
        "<head><title>no</title></head>",
        "<!-- no -->",
        "<!doctype no>",
        "<?xml no?>",
        "<div hidden>no<div>no</div><td>no</td><br>no</div>",
        "<span style='color:red; display : none'>no</span>",
        "<p hidden>no<p></p>",
    ],
)
def test_what_a_browser_hides_is_no_word(unseen: str) -> None:
    assert html_to_text(f"<b>before</b> {unseen} after").split() == ["before", "after"]


def test_a_body_ends_a_head_that_was_not_closed() -> None:
    assert html_to_text("<html><head><title>no</title><body>shown</html>") == "shown"


@pytest.mark.parametrize(
    ("visible", "shown"),
    [
        ("<p class='hidden-xs'>shown</p>", "shown"),
        ("<p data-hidden-note='x' style='display:block'>shown</p>", "shown"),
        ("<script src='x' />shown", "shown"),
        ("<textarea>shown</textarea>", "shown"),
        ("<b><![CDATA[a < b &amp; c]]></b>", "a < b &amp; c"),
        ("<b>x</b><![CDATA[open >", "xopen >"),
    ],
)
def test_what_only_looks_hidden_is_shown(visible: str, shown: str) -> None:
    assert html_to_text(visible) == shown


@pytest.mark.parametrize(
    ("broken", "shown"),
    [
        ("if a < b and c > d then <b>e</b>", "if a < b and c > d then e"),
        ("a <b", "a <b"),
        ("x <y z", "x <y z"),
        ("x<b t='a>b' c", "xb' c"),
        ("<p>before <b>bold <a href='x>link</a> after", "before bold link after"),
        ("<a title=\"it's > fine\">x</a> <p don't>y</p>", "x\n\ny"),
        ("<b title='open>x</b> <i title='>y</i> <u title='open>z</u>", "y z"),
        ("</b>x</i></div>y<div><span hidden>no</div>z", "x\ny\nz"),
        ("<b>a</b><!-- never > closed", "a"),
        ("<b>a</b><!-->b<!--->c", "abc"),
        ("<b>a</b><script>never closed", "a"),
        ("<b>a</b></ x>b<!x>c", "abc"),
    ],
)
def test_broken_html_loses_nothing_that_is_shown(broken: str, shown: str) -> None:
    assert html_to_text(broken) == shown


@pytest.mark.parametrize("plain", ["", "two  lines\n and\tspaces", "a < b, b > c", "1 <2", "<", "<>", "é ü"])
def test_plain_text_stays_as_it_is(plain: str) -> None:
    assert html_to_text(plain) == plain


def test_of_plain_text_the_entities_are_decoded_once() -> None:
    assert html_to_text("a &amp;amp; b  c") == "a &amp; b  c"


def test_a_comment_in_plain_text_is_left_out() -> None:
    assert html_to_text("one<!-- no -->\n two") == "one\n two"


def test_tags_can_be_taken_out_of_text_whose_lines_count() -> None:
    assert strip_tags("one\n  two <b>three</b> &lt;<br>four") == "one\n  two three <\nfour"


_PIECES = st.sampled_from(
    (
        "<p>", "</p>", "<b>", "</b>", "<ul>", "<li>", "</li>", "</ul>", "<br>", "<br/>", "<hr>", "<div>",
        "</div>", "<h2>", "</h2>", "<a href='x'>", "</a>", '<img src="y">', "<table>", "<td>", "<pre>",
        "<i hidden>", "<script>", "</script>", "&amp;", "&nbsp;", "&", "<", ">", "'", "word", "two words", " ",
        "  ", "\n", "\x01", "<!--", "-->",
    )
)  # fmt: skip


@given(st.lists(_PIECES, max_size=20).map("".join))
def test_simple_pages_are_shown_like_all_others(html: str) -> None:
    simple = show_simple_page(html)
    if simple is not None:
        # One that goes the other way, because of the attribute, and shows the same.
        assert simple == html_to_text(f"<b style=''></b>{html}")


@given(st.text(alphabet=st.characters(exclude_characters="<&\xa0\xad\u2060\ufeff")))
def test_a_text_without_marks_is_never_changed(text: str) -> None:
    assert html_to_text(text) == text


@given(st.lists(_PIECES, max_size=20).map("".join))
def test_no_tag_is_left_of_html(html: str) -> None:
    assert not re.search(r"</?(?:p|b|ul|li|div|td)>", html_to_text(f"<p>{html}</p>").replace("<!--", ""))


def test_a_body_becomes_text_by_its_type() -> None:
    assert body_to_text("text/html", "<b>*x*</b>") == "*x*"
    assert body_to_text("text/markdown", "**x** & y") == "x & y"
    assert body_to_text("text/plain", "<b>*x*</b>") == "<b>*x*</b>"
