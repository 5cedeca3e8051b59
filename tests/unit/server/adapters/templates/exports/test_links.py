from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.adapters.templates.exports.links import SiteLinks, find_host

LINKS = {
    "https://vega.atlassian.net/browse/PAY-1": "{{site:jira_issues}}/browse/PAY-1",
    "https://vega.atlassian.net/jira/software/projects/PAY/boards/1?selectedIssue=PAY-7": (
        "{{site:jira_issues}}/browse/PAY-7"
    ),
    "https://vega.atlassian.net/wiki/spaces/OPS/pages/98319/Refunds+%26+more": (
        "{{site:confluence_pages}}/spaces/OPS/pages/98319"
    ),
    "https://vega.atlassian.net/wiki/pages/viewpage.action?pageId=12&amp;src=x": (
        "{{site:confluence_pages}}/pages/viewpage.action?pageId=12"
    ),
    "https://vega.atlassian.net/wiki/display/OPS/On+call": "{{site:confluence_pages}}/display/OPS/On+call",
    "https://vega.slack.com/archives/C1/p1710252300000100?thread_ts=1": (
        "{{site:slack_messages}}/archives/general/1710252300.000100"
    ),
    "https://vega.slack.com/archives/C9": "{{site:slack_messages}}/archives/C9",
    "https://github.com/Vega-Org/billing-api/issues/3": "{{site:github_repos}}/billing-api/issues/3",
}
FOREIGN = [
    "https://vega.atlassian.net/people/1",
    "https://vega.slack.com/team/U1",
    "https://github.com/others/tool",
    "https://github.com/vega-org",
    "https://issues.example.org/browse/KAFKA-1",
    "https://[broken/browse/PAY-1",
    "https://vega\u2100.atlassian.net/browse/PAY-1",
    "https://vega.atlassian.net/x?selectedIssue=nothing",
]


@pytest.mark.parametrize(("link", "placeholder"), LINKS.items())
def test_a_link_to_the_own_site_leads_to_its_copy(link: str, placeholder: str) -> None:
    links = SiteLinks(owners={"vega-org"}, channels={"C1": "general"})

    assert links.rewrite(f"See ({link}), please.") == f"See ({placeholder}), please."
    assert links.rewritten == 1


@pytest.mark.parametrize("link", FOREIGN)
def test_a_link_elsewhere_stays(link: str) -> None:
    links = SiteLinks(owners={"vega-org"})

    assert links.rewrite(f"See {link}.") == f"See {link}."
    assert links.rewritten == 0


def test_with_hosts_that_are_known_other_sites_stay() -> None:
    links = SiteLinks({"jira.vega.example"})

    assert links.rewrite("https://jira.vega.example/browse/OPS-1") == "{{site:jira_issues}}/browse/OPS-1"
    assert (
        links.rewrite("https://other.atlassian.net/browse/OPS-1")
        == "https://other.atlassian.net/browse/OPS-1"
    )


def test_a_placeholder_in_foreign_text_is_none_any_more() -> None:
    assert SiteLinks().rewrite("Write {{site:jira_issues}}/x") == "Write { {site:jira_issues}}/x"


@given(st.text(alphabet="https://[]{}?&=%.:browse/PAY-1 "))
def test_no_text_is_too_strange(text: str) -> None:
    SiteLinks().rewrite(text)


def test_the_host_of_what_is_no_address_is_none() -> None:
    assert [find_host(each) for each in ("", "a.png", "https://[x", "https://Vega.example/x")] == [
        None,
        None,
        None,
        "vega.example",
    ]
