"""Links of an export to its vendor's own site, as placeholders for the client's own copy of it.

The addresses are those that the vendors document: Jira's and Confluence's pages, Slack's permalinks, and GitHub's
repositories. `{{site:TYPE}}` becomes the client's site when a dataset is made.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from urllib.parse import SplitResult

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"'\\|\[\](){}]+")
_PUNCTUATION: Final = ".,;:!?*_"
_BROWSE: Final = re.compile(r"/browse/([A-Z][A-Z0-9_]*-\d+)(?:/|$)")
_KEY: Final = re.compile(r"[A-Z][A-Z0-9_]*-\d+")
_PAGE: Final = re.compile(r"/spaces/([^/]+)/(?:pages|blog(?:/\d+)*)/(\d+)(?:/|$)")
_DISPLAY: Final = re.compile(r"/display/([^/]+)/([^/]+)/?$")
_PERMALINK: Final = re.compile(r"/archives/([A-Z0-9]+)(?:/p(\d{10})(\d{6}))?/?$")
_PLACEHOLDER: Final = "{{site:"


class SiteLinks:
    """Rewrites links to one's own site.

    Args:
        hosts: the hosts of one's own Jira and Confluence; without any, each host of `atlassian.net` is one's own.
        owners: one's own GitHub organisations and accounts, in lower case.
        channels: the names of Slack's channels by their ids.
    """

    def __init__(
        self,
        hosts: Collection[str] = (),
        owners: Collection[str] = (),
        channels: Mapping[str, str] | None = None,
    ) -> None:
        self._hosts = hosts
        self._owners = owners
        self._channels = channels or {}
        self.rewritten = 0

    def rewrite(self, text: str) -> str:
        """The text with its own links rewritten. A placeholder that it has already is spelt so that it is none."""
        if _PLACEHOLDER in text:
            text = text.replace(_PLACEHOLDER, "{ {site:")
        return _ADDRESS.sub(self._rewrite_match, text) if "://" in text else text

    def _rewrite_match(self, found: re.Match[str]) -> str:
        address = found[0].rstrip(_PUNCTUATION)
        try:
            own = self._find_placeholder(urlsplit(address.replace("&amp;", "&")))
        except ValueError:
            return found[0]
        if own is None:
            return found[0]
        self.rewritten += 1
        return own + found[0][len(address) :]

    def _find_placeholder(self, address: SplitResult) -> str | None:
        host = address.hostname or ""
        if host in self._hosts or (not self._hosts and host.endswith(".atlassian.net")):
            return _atlassian_placeholder(address)
        if host.endswith(".slack.com"):
            return self._slack_placeholder(address)
        if host in {"github.com", "www.github.com"}:
            return self._github_placeholder(address)
        return None

    def _slack_placeholder(self, address: SplitResult) -> str | None:
        found = _PERMALINK.match(address.path)
        if found is None:
            return None
        channel = self._channels.get(found[1], found[1])
        message = f"/{found[2]}.{found[3]}" if found[2] else ""
        return f"{{{{site:slack_messages}}}}/archives/{channel}{message}"

    def _github_placeholder(self, address: SplitResult) -> str | None:
        owner, _, rest = address.path.strip("/").partition("/")
        if owner.lower() not in self._owners or not rest:
            return None
        return f"{{{{site:github_repos}}}}/{rest}"


def find_host(address: str) -> str | None:
    """The host of an address; None for a text that is no address."""
    try:
        return urlsplit(address).hostname if "://" in address else None
    except ValueError:
        return None


def _atlassian_placeholder(address: SplitResult) -> str | None:
    query = parse_qs(address.query)
    if found := _BROWSE.search(address.path):
        return f"{{{{site:jira_issues}}}}/browse/{found[1]}"
    if (selected := query.get("selectedIssue")) and _KEY.fullmatch(selected[0]):
        return f"{{{{site:jira_issues}}}}/browse/{selected[0]}"
    if found := _PAGE.search(address.path):
        return f"{{{{site:confluence_pages}}}}/spaces/{found[1]}/pages/{found[2]}"
    if (page := query.get("pageId")) and page[0].isdecimal():
        return f"{{{{site:confluence_pages}}}}/pages/viewpage.action?pageId={page[0]}"
    if found := _DISPLAY.search(address.path):
        return f"{{{{site:confluence_pages}}}}/display/{found[1]}/{found[2]}"
    return None
