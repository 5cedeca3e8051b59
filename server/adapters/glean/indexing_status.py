"""What Glean tells of a datasource's uploads and documents, made into facts: pure functions over one answer.

The order of the uploads in the answer is not documented, and counts may be hours old.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from domain.platform import Job, Observation
from server.adapters.glean.indexing_wire import ACTIVE, COUNTS_LAG_S, INDEXED, SUCCESSFUL, Documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from server.adapters.glean.indexing_wire import Number, Status, Upload

SEPARATOR: Final = "~"
"""Between a run and what makes the ids of its uploads differ: each begins anew under a fresh id."""
_LAG: Final = timedelta(seconds=COUNTS_LAG_S)


def upload_of(status: Status, run: str) -> Upload | None:
    """The newest upload of a run."""
    return _newest(each for each in _documents(status).bulk_upload_history if _run(each) == run)


def has_ended(status: Status, upload_id: str) -> bool:
    """Whether that very upload has got its last page."""
    return any(
        each.upload_id == upload_id and each.status == SUCCESSFUL
        for each in _documents(status).bulk_upload_history
    )


def job_of(status: Status, run: str) -> Job | None:
    """How far the indexing of a run is; None when its last page was not sent."""
    upload = upload_of(status, run)
    if upload is None or upload.status == ACTIVE:
        return None
    return Job(
        run=run,
        state="succeeded" if _is_indexed(status, upload) else "running",
        started_at=ended_at(upload),
    )


def indexing(status: Status) -> Upload | None:
    """The newest upload, when it has ended and is not yet indexed."""
    newest = _newest(each for each in _documents(status).bulk_upload_history if each.status == SUCCESSFUL)
    return None if newest is None or _is_indexed(status, newest) else newest


def emptied(status: Status, run: str) -> bool | None:
    """Whether the run that empties a datasource is through; None when it was not sent, or something came after it."""
    newest = _newest(_documents(status).bulk_upload_history)
    if newest is None or _run(newest) != run or newest.status != SUCCESSFUL:
        return None
    counts = _documents(status).counts
    return _is_indexed(status, newest) and (counts is None or not _sum(counts.indexed))


def observation(status: Status, now: datetime) -> Observation:
    """The facts of a datasource that is there; what Glean does not say is None."""
    ended = [each for each in _documents(status).bulk_upload_history if each.status == SUCCESSFUL]
    last = _newest(each for each in ended if _is_indexed(status, each))
    running = indexing(status)
    settled = "pending" if last is None else "healthy"
    return Observation(
        present=True,
        at=now,
        status=settled if running is None else "syncing",
        syncing=running is not None,
        syncing_since=None if running is None else ended_at(running),
        last_successful_sync=None if last is None else ended_at(last),
        document_count=_count(status, last, now),
    )


def ended_at(upload: Upload) -> datetime:
    """When an upload got its last page; one that did not, when it began."""
    try:
        read = datetime.fromisoformat(upload.end_time)
    except ValueError:
        read = upload.start_time
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _documents(status: Status) -> Documents:
    return status.documents or Documents()


def _run(upload: Upload) -> str:
    return upload.upload_id.rpartition(SEPARATOR)[0]


def _newest(uploads: object) -> Upload | None:
    return max(uploads, key=lambda each: (each.start_time, each.end_time), default=None)  # type: ignore[call-overload, no-any-return]


def _is_indexed(status: Status, upload: Upload) -> bool:
    return upload.processing_state in INDEXED or any(
        each.end_time is not None and each.end_time > ended_at(upload)
        for each in _documents(status).processing_history
    )


def _count(status: Status, last: Upload | None, now: datetime) -> int | None:
    """How many documents are served; None as long as a count that does not fit may only be old."""
    counts = _documents(status).counts
    if counts is None or last is None:
        return None
    uploaded, indexed = _sum(counts.uploaded), _sum(counts.indexed)
    return indexed if indexed == uploaded or now - ended_at(last) > _LAG else None


def _sum(numbers: Sequence[Number]) -> int:
    return sum(each.count for each in numbers)
