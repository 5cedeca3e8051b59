"""GitHub repositories: a repository of its owner."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import msgspec

from domain.content.documents.kinds import UNKNOWN, Count, Instant, RecordKind, Text, Texts
from domain.content.documents.neutral import EVERYONE, Author, Body, Document
from domain.model import (
    SYNC_SCHEDULES,
    ConnectorSchema,
    FlagForm,
    NameListForm,
    TextForm,
    authentication_forms,
)

# Together, with the slash between them, within the 200 characters of an id.
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Owner = Annotated[str, msgspec.Meta(min_length=1, max_length=79)]
_NOT_LOCAL: Final = re.compile(r"[^a-z0-9]+")


class GithubRepository(msgspec.Struct, gc=False):
    """A repository as exported; `readme` is Markdown, `issues` the number of open ones."""

    name: Name
    owner: Owner
    description: Text
    language: Text
    stars: Count
    issues: Count
    url: Text
    readme: Text
    updated_at: Instant
    maintainer_email: str | None = None
    topics: Texts | None = None


def _build_document(record: GithubRepository, site: str) -> Document:
    name = record.name
    full = name if "/" in name else f"{record.owner}/{name}"
    properties: dict[str, Any] = {
        "description": record.description,
        "language": record.language,
        "stars": record.stars,
        "issues": record.issues,
    }
    if record.topics:
        properties["topics"] = record.topics
    return Document(
        "github_repos",
        full,
        name,
        Body("text/markdown", record.readme),
        record.owner,
        Author(
            record.maintainer_email or _owner_email(record.owner),
            None if record.maintainer_email else record.owner,
        ),
        record.url or f"{site}/{name}",
        record.updated_at,
        EVERYONE,
        None,
        properties,
    )


def _owner_email(owner: str) -> str:
    """An address for an owner who has none: `.example` is reserved and reaches nobody (RFC 2606)."""
    return f"{_NOT_LOCAL.sub('-', owner.lower()).strip('-') or UNKNOWN}@owners.example"


KIND: Final = RecordKind(
    record=GithubRepository,
    identifiers=("name",),
    document=_build_document,
    connector=ConnectorSchema(
        label="GitHub",
        config={
            "organization": TextForm(
                re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})"),
                "must be an organisation: 1 to 39 letters, digits and '-'",
            ),
            "repositories": NameListForm(
                re.compile(r"(?:[A-Za-z0-9-]{1,39}/)?[A-Za-z0-9._-]{1,100}"),
                "must be a repository, `name` or `owner/name`",
            ),
            "authentication": authentication_forms("PAT"),
            "syncSettings": {
                "includeIssues": FlagForm(),
                "includePullRequests": FlagForm(),
                "includeWiki": FlagForm(),
                **SYNC_SCHEDULES,
            },
        },
        site_setting="organization",
        host="https://mock-github.example.com",
    ),
    shape=re.compile(r"[^/\s]++/[^/\s]+"),
    tail=2,
    listed_by_id=True,
    spellings={
        "repo name": "name",
        "repo_name": "name",
        "repository": "name",
        "full_name": "name",
        "open_issues": "issues",
        "open_issues_count": "issues",
        "stargazers_count": "stars",
        "html_url": "url",
        "updated": "updated_at",
        "updated at": "updated_at",
    },
    stand_ins={"owner": UNKNOWN},
)
