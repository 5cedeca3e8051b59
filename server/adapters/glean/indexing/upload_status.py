"""What Glean tells of a datasource's uploads and documents, made into facts: pure functions over one answer.

The order of the uploads in the answer is not documented, and counts may be hours old.
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
"""Between a run and what makes the ids of its uploads differ: each begins anew under a fresh id."""
_SERVED: Final = "INDEXED"
_LAG: Final = timedelta(seconds=COUNTS_LAG_S)


def is_upload_open(status: DatasourceStatus, upload_id: str) -> bool:
    """Whether that very upload may take pages: it has begun and not ended, and no other began later."""
    held = _documents(status).bulk_upload_history
    ours = next((each for each in held if each.upload_id == upload_id), None)
    return (
        ours is not None
        and ours.status == ACTIVE
        and not any(each.start_time > ours.start_time for each in held)
    )


def has_upload_ended(status: DatasourceStatus, upload_id: str) -> bool:
    """Whether that very upload, of documents or of users, has got its last page."""
    users = status.identity and status.identity.users
    held = (*_documents(status).bulk_upload_history, *(users.bulk_upload_history if users else ()))
    return any(each.upload_id == upload_id and each.status == SUCCESSFUL for each in held)


def sync_job_of(status: DatasourceStatus, run: str) -> SyncJob | None:
    """How far the indexing of a run is; None when its last page was not sent.

    A later upload of the same run that was left open changes nothing about that.
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
    """The newest upload, when it has ended and is not yet indexed."""
    newest = _newest_upload(
        each for each in _documents(status).bulk_upload_history if each.status == SUCCESSFUL
    )
    return None if newest is None or _is_indexed(status, newest) else newest


def is_emptied(status: DatasourceStatus, run: str) -> bool | None:
    """Whether the run that empties a datasource is through; None when it was not sent, or something came after it."""
    newest = _newest_upload(_documents(status).bulk_upload_history)
    if newest is None or _run_of(newest) != run or newest.status != SUCCESSFUL:
        return None
    counts = _documents(status).counts
    return _is_indexed(status, newest) and (counts is None or not _sum(counts.indexed))


def observation_from_status(status: DatasourceStatus, now: datetime) -> Observation:
    """The facts of a datasource that is there; what Glean does not say is None."""
    ended = [each for each in _documents(status).bulk_upload_history if each.status == SUCCESSFUL]
    last = _newest_upload(each for each in ended if _is_indexed(status, each))
    running = upload_being_indexed(status)
    if status.documents is None:
        return Observation(present=True, at=now)
    settled = "pending" if last is None else "healthy"
    return Observation(
        present=True,
        at=now,
        run=None if last is None else _run_of(last),
        status=settled if running is None else "syncing",
        syncing=running is not None,
        syncing_since=None if running is None else upload_ended_at(running),
        last_successful_sync=None if last is None else upload_ended_at(last),
        document_count=_served_count(status, last, now),
    )


def is_document_indexed(answer: DebugDocumentsResponse, document_id: str) -> bool:
    """Whether a document is served. Raises PlatformUnavailableError when that is not said of it."""
    about = next(
        (each for each in answer.document_statuses if each.doc_id.casefold() == document_id.casefold()), None
    )
    if about is None or about.debug_info is None or about.debug_info.status is None:
        raise PlatformUnavailableError("Glean's debug.documents did not tell of every document.")
    return about.debug_info.status.indexing_status == _SERVED


def upload_ended_at(upload: Upload) -> datetime:
    """When an upload got its last page; one that did not, when it began."""
    return _parse_instant(upload.end_time) or upload.start_time


def _documents(status: DatasourceStatus) -> Documents:
    return status.documents or Documents()


def _run_of(upload: Upload) -> str:
    return upload.upload_id.rpartition(SEPARATOR)[0]


def _newest_upload(uploads: object) -> Upload | None:
    return max(uploads, key=lambda each: (each.start_time, each.end_time), default=None)  # type: ignore[call-overload, no-any-return]


def _is_indexed(status: DatasourceStatus, upload: Upload) -> bool:
    if upload.processing_state in INDEXED:
        return True
    turns = (_parse_instant(each.end_time) for each in _documents(status).processing_history)
    return any(each is not None and each > upload_ended_at(upload) for each in turns)


def _served_count(status: DatasourceStatus, last: Upload | None, now: datetime) -> int | None:
    """How many documents are served; None as long as a count that does not fit may only be old."""
    counts = _documents(status).counts
    if counts is None or last is None:
        return None
    uploaded, indexed = _sum(counts.uploaded), _sum(counts.indexed)
    return indexed if indexed == uploaded or now - upload_ended_at(last) > _LAG else None


def _parse_instant(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _sum(numbers: Sequence[DocumentCount]) -> int:
    return sum(each.count for each in numbers)
