"""The forms of a record's URL.

`{{site:<dataset type>}}` stands for the client's own site of that type and is resolved when a dataset is populated.
"""

from __future__ import annotations


def issue_url(key: str) -> str:
    """Return where a Jira issue is."""
    return f"{{{{site:jira_issues}}}}/browse/{key}"


def page_url(space: str, page_id: str) -> str:
    """Return where a Confluence page is."""
    return f"{{{{site:confluence_pages}}}}/spaces/{space}/pages/{page_id}"


def repository_url(name: str) -> str:
    """Return where a repository is."""
    return f"{{{{site:github_repos}}}}/{name}"


def message_url(channel: str, message_id: str) -> str:
    """Return where a message is."""
    return f"{{{{site:slack_messages}}}}/archives/{channel}/{message_id}"


def html(url: str, text: str) -> str:
    """Return a link in HTML."""
    return f'<a href="{url}">{text}</a>'


def markdown(url: str, text: str) -> str:
    """Return a link in Markdown."""
    return f"[{text}]({url})"
