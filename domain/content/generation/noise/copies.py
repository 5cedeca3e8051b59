"""Near-duplicates: copies of the first record of a story, with an id of their own and a word on what was copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.model import DatasetType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Record = dict[str, Any]


def copy_record(dataset_type: DatasetType, original: str, replaced: str) -> str:
    """The record in the place of `replaced`, with its id, author and dates, that tells what `original` does."""
    first, own = msgspec.json.decode(original), msgspec.json.decode(replaced)
    return msgspec.json.encode(own | _COPIES[dataset_type](first, own)).decode()


def _copy_page(first: Record, own: Record) -> Record:
    title, page, body = first["title"], first["page_id"], first["body"]
    # The annex belongs to the page that was copied.
    told, _, _ = body.rpartition("<h2>")
    return {
        "title": f"Copy of {title}",
        "body": f"<p>{own['author_name']} copied this from page {page}.</p>{told}",
        "labels": first["labels"],
    }


def _copy_issue(first: Record, own: Record) -> Record:
    key, summary, description = first["key"], first["summary"], first["description"]
    told, _, _ = description.partition("\n\n")
    return {
        "summary": f"{summary} (again)",
        "description": f"This is the same as {key}. {told}",
        "issue_type": first["issue_type"],
        "labels": own["labels"],
    }


def _copy_message(first: Record, _: Record) -> Record:
    return {"text": f"Once more, from message {first['message_id']}: {first['text']}"}


def _copy_repository(first: Record, own: Record) -> Record:
    name, readme = first["name"], first["readme"]
    told = readme.removeprefix(f"# {name}\n\n")
    link = f"[{name}]({{{{site:github_repos}}}}/{name})"
    return {
        "description": f"Fork of {name}. {first['description']}",
        "readme": f"# {own['name']}\n\nForked from {link}.\n\n{told}",
        "language": first["language"],
    }


_COPIES: Final[Mapping[DatasetType, Callable[[Record, Record], Record]]] = {
    DatasetType.CONFLUENCE_PAGES: _copy_page,
    DatasetType.JIRA_ISSUES: _copy_issue,
    DatasetType.SLACK_MESSAGES: _copy_message,
    DatasetType.GITHUB_REPOS: _copy_repository,
}
