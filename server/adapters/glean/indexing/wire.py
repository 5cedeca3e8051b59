"""The Indexing dialect's answers, as far as they are read, and its limits; what is not named here is not looked at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0)]
PAGE_COUNT: Final = 1000
PAGE_BYTES: Final = 5 * 1024 * 1024 - 4096
"""What one page takes at most (413 beyond), with room for what stands around the documents."""
COUNTS_LAG_S: Final = 3 * 3600
"""So old may the counts of a datasource be (https://developers.glean.com/api-info/indexing/debugging/datasource-status)."""
ACTIVE: Final = "ACTIVE"
SUCCESSFUL: Final = "SUCCESSFUL"
INDEXED: Final = frozenset({"INDEXING COMPLETED", "DELETION PAUSED"})
"""States in which what an upload brought is served."""
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
"""Every field name that we send, and that an error may therefore name."""
Config = dict[str, Any]
"""A datasource's configuration, of which more than we set may be told."""


class Acknowledgement(Struct):
    """What is answered to a change: nothing, or an object of which nothing is needed."""


class Upload(Struct, rename="camel"):
    """One bulk upload."""

    upload_id: str
    start_time: datetime
    status: str
    end_time: str = "NA"
    processing_state: str = "UNAVAILABLE"

    def __post_init__(self) -> None:
        """Take an instant without a zone for one of UTC."""
        if self.start_time.tzinfo is None:
            self.start_time = self.start_time.replace(tzinfo=UTC)


class DocumentCount(Struct, rename="camel"):
    """How many documents of a type there are."""

    object_type: str
    count: Count


class Counts(Struct):
    """Documents that were uploaded, and of them those that are indexed."""

    uploaded: list[DocumentCount] = []
    indexed: list[DocumentCount] = []


class ProcessingRun(Struct, rename="camel"):
    """One turn of the indexing; `end_time` as in an upload."""

    end_time: str = "NA"


class Documents(Struct, rename="camel"):
    """How the documents are."""

    bulk_upload_history: list[Upload] = []
    counts: Counts | None = None
    processing_history: list[ProcessingRun] = []


class Users(Struct, rename="camel"):
    """How the users are."""

    bulk_upload_history: list[Upload] = []


class Identity(Struct):
    """How those are who are named in permissions."""

    users: Users | None = None


class DatasourceStatus(Struct):
    """How a datasource is."""

    documents: Documents | None = None
    identity: Identity | None = None


class DocumentStatus(Struct, rename="camel"):
    """Whether one document is there."""

    upload_status: str = ""
    indexing_status: str = ""


class DebugInfo(Struct):
    """What is told of one document."""

    status: DocumentStatus | None = None


class DebuggedDocument(Struct, rename="camel"):
    """One document that was asked about."""

    doc_id: str
    debug_info: DebugInfo | None = None


class DebugDocumentsResponse(Struct, rename="camel"):
    """Documents that were asked about."""

    document_statuses: list[DebuggedDocument] = []


class DocumentAccess(Struct, rename="camel"):
    """Whether somebody finds a document."""

    has_access: bool


def single_page_upload(datasource: str, upload: str) -> dict[str, object]:
    """What stands around the items of an upload that has one page."""
    flags = {"isFirstPage": True, "isLastPage": True, "forceRestartUpload": True}
    return {"uploadId": upload, "datasource": datasource, **flags}
