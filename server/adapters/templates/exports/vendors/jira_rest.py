"""Jira's REST answers, v2 (texts in wiki markup) and v3 (the Atlassian Document Format), pages one after another.

Source: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.content import adf_to_text, wiki_to_text
from domain.model import build_decoder
from server.adapters.templates.exports.instants import parse_iso
from server.adapters.templates.exports.people import find_address
from server.adapters.templates.exports.sources.json_documents import (
    DECODE_ERRORS,
    JsonRecords,
    decode_record,
    record_error,
)
from server.adapters.templates.exports.vendors.export import as_list, as_mapping, as_text
from server.adapters.templates.exports.vendors.jira import ISSUE_KEY, IssueBook, IssueMaker, RawIssue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.adapters.templates.exports.vendors.export import Export, Record

_READ: Final = frozenset(
    {
        "summary",
        "status",
        "issuetype",
        "project",
        "priority",
        "assignee",
        "reporter",
        "created",
        "updated",
        "labels",
        "description",
        "parent",
        "issuelinks",
        "subtasks",
    }
)


class _Person(msgspec.Struct, gc=False):
    account: str | None = msgspec.field(name="accountId", default=None)
    name: str | None = msgspec.field(name="displayName", default=None)
    email: str | None = msgspec.field(name="emailAddress", default=None)


class _Fields(msgspec.Struct, gc=False):
    assignee: _Person | None = None
    reporter: _Person | None = None


class _Issue(msgspec.Struct, gc=False):
    """What has to be known of every issue before the first is made."""

    key: str | None = None
    address: str | None = msgspec.field(name="self", default=None)
    fields: _Fields | None = None


_survey: Final = build_decoder(_Issue).decode


def read_jira_rest(export: Export) -> Iterator[Record]:
    """The issues of Jira's REST answers. Raises ExportInvalidError."""
    records = JsonRecords(export.tree, ("issues",))
    book, names = IssueBook(), dict[str, str]()
    for each in records.read():
        if isinstance(each, dict):
            names.update(
                {name: text for name, text in as_mapping(each.get("names")).items() if as_text(text)}
            )
            if not _is_issue(each):
                continue
            each = msgspec.json.encode(each)  # noqa: PLW2901 - an issue by itself is read as one of a list
        _survey_issue(each, book)
    maker = IssueMaker(export, book)
    position = 0
    for each in records.read():
        if isinstance(each, dict) and not _is_issue(each):
            continue
        position += 1
        found = each if isinstance(each, dict) else decode_record(each, position)
        if found is None:
            export.tally.count_dropped("null in place of an issue")
        elif record := maker.make(_parse_issue(found, position, export, book, names)):
            yield record


def _is_issue(document: dict[str, Any]) -> bool:
    return "key" in document and "fields" in document


def _survey_issue(raw: bytes, book: IssueBook) -> None:
    try:
        found = _survey(raw)
    except DECODE_ERRORS:
        return  # the second pass says what is wrong with it
    if found.key:
        book.add(found.key)
    book.add_host(found.address or "")
    for person in (found.fields.assignee, found.fields.reporter) if found.fields else ():
        if person and person.account:
            book.names.setdefault(person.account, person.name or person.account)
            if person.email:
                book.addresses[person.account] = person.email


def _parse_issue(
    found: Any,  # noqa: ANN401 - a record may be any JSON
    position: int,
    export: Export,
    book: IssueBook,
    names: dict[str, str],
) -> RawIssue:
    key, fields = as_text(as_mapping(found).get("key")), as_mapping(as_mapping(found).get("fields"))
    if key is None:
        raise record_error(position, "has no key: this is no issue of Jira's REST API v2 or v3")
    if "summary" not in fields or "status" not in fields:
        raise record_error(
            position, f"({key[:80]}) has no fields.summary or fields.status: ask Jira for `fields=*all`"
        )
    references = []
    for name, value in fields.items():
        if name in _READ or value in (None, "", [], {}):
            continue
        if isinstance(value, str) and ISSUE_KEY.fullmatch(value):
            references.append(value)  # an epic link is a custom field, whose number differs from site to site
        else:
            export.tally.count_unread(names.get(name, name))
    return RawIssue(
        key=key,
        summary=as_text(fields.get("summary")) or key,
        description=_description(fields.get("description"), book),
        status=_name(fields.get("status")) or "None",
        assignee=_address(fields.get("assignee"), book),
        reporter=_address(fields.get("reporter"), book),
        project=as_text(as_mapping(fields.get("project")).get("key")),
        priority=_name(fields.get("priority")),
        created=parse_iso(as_text(fields.get("created")) or ""),
        updated=parse_iso(as_text(fields.get("updated")) or ""),
        issue_type=_name(fields.get("issuetype")),
        labels=[each for each in as_list(fields.get("labels")) if isinstance(each, str) and each],
        references=[*_linked_keys(fields), *references],
    )


def _description(value: Any, book: IssueBook) -> str | None:  # noqa: ANN401 - text, or a document
    if isinstance(value, str):
        return wiki_to_text(book.name_mentions(value)) or None
    return adf_to_text(value) or None if isinstance(value, dict) else None


def _name(value: Any) -> str | None:  # noqa: ANN401 - an object with a name, or a name
    return as_text(as_mapping(value).get("name")) or as_text(value)


def _address(value: Any, book: IssueBook) -> str | None:  # noqa: ANN401 - an object, or nobody
    """The address of a person; Jira shows it in one place and hides it in another."""
    person = as_mapping(value)
    account = as_text(person.get("accountId"))
    names = (as_text(person.get(each)) for each in ("emailAddress", "displayName", "name"))
    return find_address(book.addresses.get(account or ""), *names, account)


def _linked_keys(fields: dict[str, Any]) -> Iterator[str]:
    linked = [as_mapping(each) for each in as_list(fields.get("issuelinks"))]
    others = [each.get(way) for each in linked for way in ("outwardIssue", "inwardIssue")]
    for each in (fields.get("parent"), *others, *as_list(fields.get("subtasks"))):
        if key := as_text(as_mapping(each).get("key")):
            yield key
