"""Jira's issues, whichever way they were exported."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from server.adapters.templates.exports.ids import IdIndex
from server.adapters.templates.exports.instants import format_instant
from server.adapters.templates.exports.links import SiteLinks, find_host

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from server.adapters.templates.exports.vendors.export import Export, Record

ISSUE_KEY: Final = re.compile(r"[A-Z][A-Z0-9_]*-\d{1,18}")
_MENTION: Final = re.compile(r"\[~(?:accountid:)?([^\[\]\s~]{1,200})\]")


@dataclass(slots=True, kw_only=True)
class RawIssue:
    """An issue as its export has it: texts are readable, people are addresses."""

    key: str
    summary: str
    description: str | None
    status: str
    assignee: str | None
    reporter: str | None
    project: str | None
    priority: str | None
    created: datetime | None
    updated: datetime | None
    issue_type: str | None
    labels: list[str]
    references: Iterable[str]


@dataclass(slots=True)
class IssueBook:
    """What has to be known of all issues before the first is made: their keys, people and sites."""

    keys: IdIndex = field(default_factory=IdIndex)
    names: dict[str, str] = field(default_factory=dict)
    """The names of people by the ids of their accounts."""
    addresses: dict[str, str] = field(default_factory=dict)
    """The addresses of people by the ids of their accounts, where the export has them."""
    hosts: set[str] = field(default_factory=set)
    """The hosts of the site that the issues are from."""

    def add(self, key: str) -> None:
        """Add an issue."""
        self.keys.add(*_split_key(key))

    def add_host(self, address: str) -> None:
        """Add the host of an address on the site, if it is an address."""
        if host := find_host(address):
            self.hosts.add(host)

    def name_mentions(self, text: str) -> str:
        """A text in wiki markup with the people that it mentions by name."""
        if "[~" not in text:
            return text
        return _MENTION.sub(lambda found: f"@{self.names.get(found[1], found[1])}", text)


class IssueMaker:
    """Makes records of issues; an issue that is in the export twice is made once."""

    def __init__(self, export: Export, book: IssueBook) -> None:
        book.keys.seal()
        self._book = book
        self._tally = export.tally
        self._links = SiteLinks(book.hosts | export.hosts)

    def make(self, issue: RawIssue) -> Record | None:
        """The record of an issue; None when it was made before."""
        if not self._book.keys.take(*_split_key(issue.key)):
            self._tally.count_dropped("issue that is in the export a second time")
            return None
        if issue.assignee is None:
            self._tally.notes["unassigned issue"] += 1
        record = {
            "key": issue.key,
            "summary": self._links.rewrite(issue.summary),
            "description": self._links.rewrite(issue.description) if issue.description else None,
            "status": issue.status,
            "assignee": issue.assignee,
            "project": issue.project or issue.key.rpartition("-")[0] or None,
            "priority": issue.priority,
            "updated": format_instant(issue.updated),
            "reporter": issue.reporter,
            "created": format_instant(issue.created),
            "labels": issue.labels or None,
            "issue_type": issue.issue_type,
            "references": self._keep_known(issue) or None,
        }
        self._tally.notes["link to the own site, rewritten"] = self._links.rewritten
        return record

    def _keep_known(self, issue: RawIssue) -> list[str]:
        known = []
        for each in dict.fromkeys(issue.references):
            if each == issue.key:
                continue
            if _split_key(each) in self._book.keys:
                known.append(each)
            else:
                self._tally.count_dropped("reference to an issue that is not in the export")
        return known


def _split_key(key: str) -> tuple[str, int]:
    if not ISSUE_KEY.fullmatch(key):
        return key, 0
    project, _, number = key.rpartition("-")
    return project, int(number)
