"""Responses and limits of the Indexing dialect, as far as they are read. Unknown fields are ignored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0)]
PAGE_COUNT: Final = 1000
PAGE_BYTES: Final = 5 * 1024 * 1024 - 4096
"""The most bytes in one page (413 beyond), less some room for the fields around the documents."""
COUNTS_LAG_S: Final = 3 * 3600
"""Counts may be this old (https://developers.glean.com/api-info/indexing/debugging/datasource-status)."""
ACTIVE: Final = "ACTIVE"
SUCCESSFUL: Final = "SUCCESSFUL"
INDEXED: Final = frozenset({"INDEXING COMPLETED", "DELETION PAUSED"})
"""Processing states in which the documents of an upload are served."""
SENT_FIELDS: Final = frozenset(
    {
        *(
            "datasource",
            "documents",
            "document",
            "uploadId",
            "isFirstPage",
            "isLastPage",
            "forceRestartUpload",
        ),
        *(
            "disableStaleDocumentDeletionCheck",
            "disableStaleDataDeletionCheck",
            "users",
            "user",
            "email",
            "name",
        ),
        *(
            "displayName",
            "datasourceCategory",
            "urlRegex",
            "objectDefinitions",
            "docCategory",
            "displayLabel",
        ),
        *("connectorType", "isTestDatasource", "isUserReferencedByEmail", "trustUrlRegexForViewActivity"),
        *("homeUrl", "renderConfigPreset", "id", "objectType", "viewURL", "title", "container"),
        *("containerObjectType", "body", "mimeType", "textContent", "author", "owner", "permissions"),
        *(
            "allowAnonymousAccess",
            "allowedUsers",
            "createdAt",
            "updatedAt",
            "tags",
            "status",
            "customProperties",
        ),
        *("value", "debugDocuments", "docId", "userEmail"),
    }
)
"""Every field name that we send. An error message repeats no other name."""
Config = dict[str, Any]
"""The configuration of a datasource. Glean may return more fields than we set."""


class Acknowledgement(Struct):
    """The response to a change: empty, or an object whose fields are not read."""


class Upload(Struct, rename="camel"):
    """One bulk upload."""

    upload_id: str
    start_time: datetime
    status: str
    end_time: str = "NA"
    processing_state: str = "UNAVAILABLE"

    def __post_init__(self) -> None:
        """Read a time without a zone as UTC."""
        if self.start_time.tzinfo is None:
            self.start_time = self.start_time.replace(tzinfo=UTC)


class DocumentCount(Struct, rename="camel"):
    """The number of documents of one type."""

    object_type: str
    count: Count


class Counts(Struct):
    """The numbers of uploaded and of indexed documents, by type."""

    uploaded: list[DocumentCount] = []
    indexed: list[DocumentCount] = []


class ProcessingRun(Struct, rename="camel"):
    """One run of the indexing; `end_time` as in an upload."""

    end_time: str = "NA"


class Documents(Struct, rename="camel"):
    """The state of the documents of a datasource."""

    bulk_upload_history: list[Upload] = []
    counts: Counts | None = None
    processing_history: list[ProcessingRun] = []


class Users(Struct, rename="camel"):
    """The state of the users of a datasource."""

    bulk_upload_history: list[Upload] = []


class Identity(Struct):
    """The state of the identities that permissions name."""

    users: Users | None = None


class DatasourceStatus(Struct):
    """The status of a datasource."""

    documents: Documents | None = None
    identity: Identity | None = None


class DocumentStatus(Struct, rename="camel"):
    """The status of one document."""

    upload_status: str = ""
    indexing_status: str = ""


class DebugInfo(Struct):
    """What the debug call reports on one document."""

    status: DocumentStatus | None = None


class DebuggedDocument(Struct, rename="camel"):
    """One document of a debug call."""

    doc_id: str
    debug_info: DebugInfo | None = None


class DebugDocumentsResponse(Struct, rename="camel"):
    """The response of a debug call."""

    document_statuses: list[DebuggedDocument] = []


class DocumentAccess(Struct, rename="camel"):
    """Whether a user can access a document."""

    has_access: bool


def single_page_upload(datasource: str, upload: str) -> dict[str, object]:
    """The fields around the items of an upload that has one page."""
    flags = {"isFirstPage": True, "isLastPage": True, "forceRestartUpload": True}
    return {"uploadId": upload, "datasource": datasource, **flags}
