"""GitHub repositories: a repository of its owner."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from domain.content.documents.kinds import (
    ClientSite,
    Count,
    DocumentFields,
    Instant,
    RecordKind,
    Texts,
    build_urls,
    encode_paths,
)
from domain.content.documents.neutral import EVERYONE, Body, Document, Properties
from domain.content.documents.repair.people import parse_person
from domain.model import (
    SYNC_SCHEDULES,
    ConnectorSchema,
    FlagForm,
    NameListForm,
    TextForm,
    authentication_forms,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# Together, with the slash between them, within the 200 characters of an id.
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Owner = Annotated[str, msgspec.Meta(min_length=1, max_length=79)]


class GithubRepository(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A repository as exported; `readme` is Markdown, `issues` the number of open ones.

    The owner is in `owner`, or before the slash of `full_name` or `name`; else it is the client's organisation.
    """

    name: Name
    description: str | None
    language: str | None
    stars: Count
    issues: Count
    owner: Owner | None = None
    full_name: str | None = None
    url: str | None = None
    readme: str | None = None
    updated_at: Instant | None = None
    maintainer_email: str | None = None
    topics: Texts | None = None


class _Properties(Properties):
    stars: int
    issues: int
    description: str | None = None
    language: str | None = None
    topics: Texts | None = None


def _build_documents(records: Sequence[GithubRepository], site: ClientSite) -> list[Document]:
    owners = [each.owner or _find_owner(each) or site.organization for each in records]
    urls = build_urls(records, site.url, "{name}", encode_paths)
    return [
        Document(
            "github_repos",
            record.name if "/" in record.name else f"{owner}/{record.name}",
            record.name,
            Body("text/markdown", record.readme or record.description or ""),
            owner,
            parse_person(record.maintainer_email or owner),
            url,
            EVERYONE,
            record.updated_at,
            None,
            _Properties(
                record.stars,
                record.issues,
                record.description or None,
                record.language or None,
                record.topics or None,
            ),
        )
        for record, owner, url in zip(records, owners, urls, strict=True)
    ]


def _find_owner(record: GithubRepository) -> str:
    """The owner in the name of a repository; empty where it names none."""
    full = record.name if "/" in record.name else record.full_name or ""
    return full.rpartition("/")[0]


KIND: Final = RecordKind(
    record=GithubRepository,
    identifiers=("name",),
    documents=_build_documents,
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
    document_fields=DocumentFields(
        title="name",
        body="readme",
        container="name",
        author="maintainer_email",
        updated="updated_at",
        references="references",
        created="created_at",
    ),
    people=frozenset({"maintainer_email"}),
    readings={
        "name": (
            ("name", "repo_name", "repository", "repository_name", "repo"),
            ("full_name", "name_with_owner"),
        ),
        "owner": (("owner", "owner_login", "owner_name"), ("organization", "org")),
        "full_name": (("full_name", "name_with_owner"),),
        "description": (("description", "repo_description"),),
        "language": (("language", "primary_language"),),
        "stars": (("stars", "stargazers_count", "stargazer_count", "star_count"), ("stargazers",)),
        "issues": (("issues", "open_issues", "open_issues_count", "issue_count"),),
        # An API lists its own address as `url`, and the page for people as `html_url`.
        "url": (("html_url", "web_url"), ("url", "link")),
        "readme": (("readme", "readme_text"),),
        "updated_at": (("updated_at", "updated", "last_updated"), ("pushed_at",)),
        "maintainer_email": (("maintainer_email", "maintainer"),),
        "topics": (("topics", "repository_topics", "tags"),),
    },
)
