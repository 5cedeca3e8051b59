"""GitHub repositories: a repository of its owner."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import msgspec

from domain.content.documents.kinds import (
    ClientSite,
    Count,
    DocumentFields,
    Instant,
    RecordKind,
    Texts,
    encode_path,
)
from domain.content.documents.neutral import EVERYONE, Body, Document
from domain.content.documents.repair.people import parse_person
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


def _build_document(record: GithubRepository, site: ClientSite) -> Document:
    name, owner = record.name, record.owner
    full = name if "/" in name else ""
    if not owner:
        owner = (full or record.full_name or "").rpartition("/")[0] or site.organization
    properties: dict[str, Any] = {"stars": record.stars, "issues": record.issues}
    if record.description:
        properties["description"] = record.description
    if record.language:
        properties["language"] = record.language
    if record.topics:
        properties["topics"] = record.topics
    return Document(
        "github_repos",
        full or f"{owner}/{name}",
        name,
        Body("text/markdown", record.readme or record.description or ""),
        owner,
        parse_person(record.maintainer_email or owner),
        record.url or f"{site.url}/{encode_path(*name.split('/'))}",
        EVERYONE,
        record.updated_at,
        None,
        properties,
    )


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
