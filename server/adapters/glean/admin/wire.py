"""Responses of the Admin dialect, as far as they are read. Unknown fields are ignored."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from domain.content import RECORD_KINDS

ID: Final = r"[^\s/\\?#.%][^\s/\\?#%]{0,199}"
"""Pattern of an id that stays one segment of a path, however a server unquotes it."""
Id = Annotated[str, Meta(pattern=f"^{ID}$")]
Name = Annotated[str, Meta(max_length=500)]
Count = Annotated[int, Meta(ge=0)]
Instant = Annotated[datetime, Meta(tz=True)]
PAGE_COUNT: Final = 500
"""The most documents in one page: fewer than the 1000 that the API accepts."""
PAGE_BYTES: Final = 5 * 1024 * 1024 - 4096
"""The most bytes in one page (413 beyond), less some room for the fields around the documents."""
SENT_FIELDS: Final = frozenset(
    {
        *("name", "connector", "config", "limit", "cursor", "query", "datasource"),
        *(name for kind in RECORD_KINDS.values() for name in kind.connector.setting_names()),
        *("authConfig", "type", "token", "managedBy", "installation", "datasetId"),
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
"""Every field name that we send. An error message repeats no other name."""


class Tenant(Struct):
    """The tenant: the identity of one Glean."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]


class Datasource(Struct, rename="camel"):
    """One datasource, whether ours or not."""

    id: Id
    name: Name
    connector: Name
    config: dict[str, Any]
    document_count: Count | None = None


class Datasources(Struct, rename="camel"):
    """One page of the list of datasources."""

    datasources: list[Datasource]
    next_cursor: Annotated[str, Meta(max_length=2000)] | None = None


class AuthenticationResponse(Struct):
    """The confirmation that a connector is authenticated."""

    status: Literal["AUTHENTICATED"]


class UploadResponse(Struct):
    """How many documents of a page were accepted."""

    accepted: Count


class SyncStartResponse(Struct):
    """The sync job that was started for a run."""

    job_id: Id
    status: Literal["RUNNING", "SUCCEEDED", "FAILED", "STOPPED"]


class Sync(Struct):
    """The state of a sync job."""

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
    """The health of a datasource."""

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
    """The results of a search."""

    results: list[SearchResult]
