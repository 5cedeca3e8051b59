"""Upload status: facts about a datasource's uploads and documents, as pure functions over one response.

The order of the uploads in the response is not documented, and the counts may be hours old.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from domain.errors import PlatformUnavailableError
from domain.ports import Observation, SyncJob
from server.adapters.glean.indexing.wire import ACTIVE, COUNTS_LAG_S, INDEXED, SUCCESSFUL, Documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from server.adapters.glean.indexing.wire import (
        DatasourceStatus,
        DebugDocumentsResponse,
        DocumentCount,
        Upload,
    )

SEPARATOR: Final = "~"
"""Separates the run from a random suffix in an upload id: every upload of a run needs a fresh id."""
ATTEMPT_SEPARATOR: Final = "."
"""Separates the run that empties a datasource from the attempt at it, in the upload id."""
_SERVED: Final = "INDEXED"
_LAG: Final = timedelta(seconds=COUNTS_LAG_S)


def is_upload_open(status: DatasourceStatus, upload_id: str) -> bool:
    """Whether the upload still accepts pages: it has begun, has no last page, and no other upload began later."""
    uploads = _documents(status).bulk_upload_history
    upload = next((each for each in uploads if each.upload_id == upload_id), None)
    return (
        upload is not None
        and upload.status == ACTIVE
        and not any(each.start_time > upload.start_time for each in uploads)
    )


def has_upload_ended(status: DatasourceStatus, upload_id: str) -> bool:
    """Whether the upload, of documents or of users, has its last page."""
    users = status.identity and status.identity.users
    uploads = (*_documents(status).bulk_upload_history, *(users.bulk_upload_history if users else ()))
    return any(each.upload_id == upload_id and each.status == SUCCESSFUL for each in uploads)


def sync_job_of(status: DatasourceStatus, run: str) -> SyncJob | None:
    """The sync job of a run; None when no upload of the run has its last page.

    A later upload of the same run that has no last page is ignored.
    """
    upload = _newest_upload(
        each
        for each in _documents(status).bulk_upload_history
        if _run_of(each) == run and each.status == SUCCESSFUL
    )
    if upload is None:
        return None
    return SyncJob(
        run=run,
        state="succeeded" if _is_indexed(status, upload) else "running",
        started_at=upload_ended_at(upload),
    )


def upload_being_indexed(status: DatasourceStatus) -> Upload | None:
    """The newest upload that has its last page, when it is not yet indexed; else None."""
    newest = _newest_upload(
        each for each in _documents(status).bulk_upload_history if each.status == SUCCESSFUL
    )
    return None if newest is None or _is_indexed(status, newest) else newest


def is_emptied(status: DatasourceStatus, run: str, attempt: str = "") -> bool | None:
    """Whether a datasource is empty after an upload of the run that empties it; None when there is one to be sent.

    There is when none was sent, another upload followed, or Glean has not indexed that of an earlier attempt: it may
    have lost it. One that is indexed is waited for, whoever sent it.
    """
    newest = _newest_upload(_documents(status).bulk_upload_history)
    if newest is None or newest.status != SUCCESSFUL:
        return None
    sent = _run_of(newest)
    if sent != run and not sent.startswith(run + ATTEMPT_SEPARATOR):
        return None
    if not _is_indexed(status, newest):
        return False if sent.removeprefix(run).removeprefix(ATTEMPT_SEPARATOR) == attempt else None
    counts = _documents(status).counts
    return counts is None or not _sum(counts.indexed)


def observation_from_status(status: DatasourceStatus, now: datetime) -> Observation:
    """The observation of a datasource that exists. A fact that Glean does not report is None."""
    ended = [each for each in _documents(status).bulk_upload_history if each.status == SUCCESSFUL]
    last = _newest_upload(each for each in ended if _is_indexed(status, each))
    running = upload_being_indexed(status)
    if status.documents is None:
        return Observation(present=True, at=now)
    idle_status = "pending" if last is None else "healthy"
    return Observation(
        present=True,
        at=now,
        run=None if last is None else _run_of(last),
        status=idle_status if running is None else "syncing",
        syncing=running is not None,
        syncing_since=None if running is None else upload_ended_at(running),
        last_successful_sync=None if last is None else upload_ended_at(last),
        document_count=_served_count(status, last, now),
    )


def is_document_indexed(answer: DebugDocumentsResponse, document_id: str) -> bool:
    """Whether a document is served. Raises PlatformUnavailableError when the response has no status of it."""
    document = next(
        (each for each in answer.document_statuses if each.doc_id.casefold() == document_id.casefold()), None
    )
    if document is None or document.debug_info is None or document.debug_info.status is None:
        raise PlatformUnavailableError("Glean's debug.documents did not report on every document.")
    return document.debug_info.status.indexing_status == _SERVED


def upload_ended_at(upload: Upload) -> datetime:
    """When an upload got its last page; without one, when it began."""
    return _parse_instant(upload.end_time) or upload.start_time


def _documents(status: DatasourceStatus) -> Documents:
    return status.documents or Documents()


def _run_of(upload: Upload) -> str:
    return upload.upload_id.rpartition(SEPARATOR)[0]


def _newest_upload(uploads: object) -> Upload | None:
    return max(uploads, key=lambda each: (each.start_time, each.end_time), default=None)  # type: ignore[call-overload, no-any-return]


def _is_indexed(status: DatasourceStatus, upload: Upload) -> bool:
    # The state is documented, but not that it always appears; a later processing run proves the same.
    if upload.processing_state in INDEXED:
        return True
    ended = (_parse_instant(each.end_time) for each in _documents(status).processing_history)
    return any(each is not None and each > upload_ended_at(upload) for each in ended)


def _served_count(status: DatasourceStatus, last: Upload | None, now: datetime) -> int | None:
    """How many documents are served; None when the counts disagree and may merely be old."""
    counts = _documents(status).counts
    if counts is None or last is None:
        return None
    uploaded, indexed = _sum(counts.uploaded), _sum(counts.indexed)
    return indexed if indexed == uploaded or now - upload_ended_at(last) > _LAG else None


def _parse_instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _sum(numbers: Sequence[DocumentCount]) -> int:
    return sum(each.count for each in numbers)
