"""The Admin dialect's answers, as far as they are read; what is not named here is not looked at."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

ID: Final = r"[^\s/\\?#.%][^\s/\\?#%]{0,199}"
"""An id that is one part of a path, however a server unquotes it."""
Id = Annotated[str, Meta(pattern=f"^{ID}$")]
Name = Annotated[str, Meta(max_length=500)]
Count = Annotated[int, Meta(ge=0)]
Instant = Annotated[datetime, Meta(tz=True)]
PAGE_COUNT: Final = 500
PAGE_BYTES: Final = 4 * 1024 * 1024
"""What we put into one upload, at most: within the 1000 documents and 5 MiB that the API takes."""
SENT_FIELDS: Final = frozenset(
    {
        *("name", "connector", "config", "limit", "cursor", "query", "datasource"),
        *("baseUrl", "spaceKeys", "organization", "repositories", "workspaceId", "channels", "projectKeys"),
        *("syncSettings", "fullSyncSchedule", "incrementalSyncSchedule"),
        *("includeIssues", "includePullRequests", "includeWiki"),
        *("authentication", "authConfig", "type", "token", "managedBy", "installation", "datasetId"),
        *("incremental", "uploadId", "documents", "objectType", "documentId", "title", "body", "mimeType"),
        *(
            "textContent",
            "container",
            "author",
            "email",
            "url",
            "createdAt",
            "updatedAt",
            "properties",
            "references",
        ),
    }
)
"""Every field name that we send, and that an error may therefore name."""
AUTHENTICATION: Final = {"confluence": "API_TOKEN", "github": "PAT", "slack": "OAUTH", "jira": "API_TOKEN"}
"""How each connector authenticates."""


class Tenant(Struct):
    """Who a Glean is."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]


class Datasource(Struct, rename="camel"):
    """One datasource, ours or anybody's."""

    id: Id
    name: Name
    connector: Name
    config: dict[str, Any]
    document_count: Count | None = None


class Datasources(Struct, rename="camel"):
    """One page of the list."""

    datasources: list[Datasource]
    next_cursor: Annotated[str, Meta(max_length=2000)] | None = None


class AuthenticationResponse(Struct):
    """The connector can sign in."""

    status: Literal["AUTHENTICATED"]


class UploadResponse(Struct):
    """How many documents of a page were taken."""

    accepted: Count


class SyncStartResponse(Struct):
    """The sync that serves a run."""

    job_id: Id
    status: Literal["RUNNING", "SUCCEEDED", "FAILED", "STOPPED"]


class Sync(Struct):
    """A sync as it stands."""

    job_id: Id
    status: Literal["RUNNING", "SUCCEEDED", "FAILED", "STOPPED"]
    run: str = field(name="uploadId")
    total: Count | None = field(default=None, name="documentsTotal")
    indexed: Count | None = field(default=None, name="documentsIndexed")
    started_at: Instant | None = field(default=None, name="startedAt")


class SyncStopResponse(Struct):
    """The syncs that were stopped."""

    stopped: list[str]


class Health(Struct, rename="camel"):
    """How a datasource is."""

    status: Name
    last_successful_sync: Instant | None = None
    error_count: Count | None = field(default=None, name="errorCount24h")
    document_count: Count | None = None
    running_job: Id | None = None


class SearchResult(Struct, rename="camel"):
    """One document that a search found."""

    datasource: str
    document_id: str
    title: str
    url: str | None = None


class SearchResults(Struct):
    """What a search found."""

    results: list[SearchResult]
