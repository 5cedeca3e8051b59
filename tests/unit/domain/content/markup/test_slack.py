"""Slack's mrkdwn becomes the text that Slack shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.markup import slack_to_text
from domain.content.markup.emoji import find_emoji

NAMES = {"U0JON": "Jon Berg", "S01": "oncall", "C9": "incidents"}


@pytest.mark.parametrize(
    ("mrkdwn", "shown"),
    [
        ("<@U0JON> and <@U9>", "@Jon Berg and @U9"),
        ("<@U0JON|jon> <@W1|@ada>", "@jon @ada"),
        ("<#C0GEN|general> <#C9> <#C8|>", "#general #incidents #C8"),
        ("<!here> <!channel> <!subteam^S01> <!subteam^S02|@backend>", "@here @channel @oncall @backend"),
        ("<!date^1392734382^Posted {date_num}|Posted 2014> <!date^1^x>", "Posted 2014 "),
        ("<https://example.com/x|the runbook>", "the runbook (https://example.com/x)"),
        ("<https://example.com/x?a=1&amp;b=2>", "https://example.com/x?a=1&b=2"),
        (
            "<https://example.com/|example.com> <https://example.com/x| >",
            "https://example.com/ https://example.com/x",
        ),
        ("<mailto:a@example.com|a@example.com> <tel:+1|+1>", "a@example.com +1"),
        ("<{{site:confluence_pages}}/x|the page>", "the page ({{site:confluence_pages}}/x)"),
        ("a &amp; b &lt;tag&gt; &amp;lt; &eacute;", "a & b <tag> &lt; &eacute;"),
        ("<b> List<String> a < b", "<b> List<String> a < b"),
    ],
)
def test_what_stands_in_angles_is_shown_by_its_name(mrkdwn: str, shown: str) -> None:
    assert slack_to_text(mrkdwn, NAMES) == shown


@pytest.mark.parametrize(
    ("mrkdwn", "shown"),
    [
        ("*bold*, _italic_ and ~struck~; *_both_*", "bold, italic and struck; both"),
        ("*see <https://example.com|it>*", "see it (https://example.com)"),
        ("`*code* &lt; :tada:`", "*code* < :tada:"),
        ("```\nx = a_b_c * *y*\n```", "\nx = a_b_c * *y*\n"),
        (
            "```see <https://example.com/x> and <https://example.com|example.com>```",
            "see https://example.com/x and https://example.com",
        ),
        ("&gt; quoted\n• bullet", "> quoted\n• bullet"),
        ("https://example.com/_a_/*b*", "https://example.com/_a_/*b*"),
    ],
)
def test_marks_of_style_are_taken_away_outside_of_code_and_addresses(mrkdwn: str, shown: str) -> None:
    assert slack_to_text(mrkdwn, NAMES) == shown


def test_the_usual_emoji_are_shown_and_others_keep_their_names() -> None:
    assert slack_to_text(":tada: :wave::skin-tone-3: x:100: :our_parrot: 12:30:45", {}) == (
        "🎉 👋🏼 x:100: :our_parrot: 12:30:45"
    )
    assert (find_emoji("rocket"), find_emoji("our_parrot")) == ("🚀", None)


@pytest.mark.parametrize(
    "plain",
    [
        "snake_case_name and other_name",
        "2 * 3 * 4",
        "~/bin and ~/lib",
        "*args, **kwargs",
        "a ~5 b ~6",
        "12:30",
        "",
        "x\ny",
    ],
)
def test_plain_text_stays_as_it_is(plain: str) -> None:
    assert slack_to_text(plain, NAMES) == plain


@given(st.text(alphabet=st.characters(exclude_characters="<&*_~`:")))
def test_a_text_without_marks_is_never_changed(text: str) -> None:
    assert slack_to_text(text, NAMES) == text
