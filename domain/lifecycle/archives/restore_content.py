"""Content of a restore: whether an archive can be restored, and the step that stages its documents."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.errors import ArchiveFailedError, NotRestorableError, format_timestamp, require_present
from domain.lifecycle.archives.archive import Archive, parse_archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from domain.lifecycle.sagas import SagaContext
    from domain.model import Content, Dataset
    from domain.ports import Json, UnitOfWork

RESTORE_PROTECTION: Final = timedelta(days=7)
"""How long a restored dataset is protected, from its restoration."""


def require_restorable(source: Dataset, facts: Json | None) -> tuple[Archive, Content]:
    """Require that a dataset can be restored; return its archive and content as recorded in the store.

    `facts` is the record of the archive, None when there is none. Raises NotRestorableError, which says why not.
    """
    prefix = f"{source.name} ({source.dataset_id}) cannot be restored:"
    if facts is None:
        msg = f"{prefix} there is no archive of it; it is {source.status}."
        raise NotRestorableError(msg, field="dataset_id")
    archive, content = parse_archive(facts), source.content
    gone = archive.purged_at or archive.purging_since
    if gone is not None:
        why = f"its archive was purged at {format_timestamp(gone)}."
    elif archive.incomplete:
        why = "documents were lost before it was archived, so its archive is incomplete."
    elif content is None:
        why = "its provisioning had failed, so its archive holds no documents."
    elif not archive.full_data:
        why = "its archive holds only a sample of the documents (archival.full_data was off)."
    else:
        return archive, content
    raise NotRestorableError(f"{prefix} {why}", field="dataset_id")


async def stage_archived_documents(context: SagaContext, source_id: str) -> None:
    """Stage the documents from the archive of `source_id`, identical byte by byte."""

    def find_source(uow: UnitOfWork) -> tuple[Archive, Content]:
        source = require_present(uow.datasets.get(source_id), "rows of datasets are never deleted")
        return require_restorable(source, uow.archives.get(source_id))

    archive, content = await context.deps.store.read(find_source)
    total = content.record_count
    context.report("populate", 0, total)

    def produce() -> Iterator[bytes]:
        done = 0
        with context.deps.archives.open_documents(archive.place) as chunks:
            for chunk in chunks:
                yield chunk
                done += chunk.count(b"\n")
                context.report("populate", done, total)

    staged = await context.deps.staging.write(context.dataset_id, context.attempt, produce)
    if (staged.lines, staged.size_bytes, staged.checksum) != (total, content.size_bytes, content.checksum):
        raise ArchiveFailedError(
            f"The archive of {source_id} holds {staged.lines} documents, which are not the {total} that were archived.",
            suggested_action=f"Check it with `dataset-lifecycle archives verify {source_id}`.",
        )
    await context.update_dataset(staged=replace(content, attempt=context.attempt))


def protection_end(dataset: Dataset, now: datetime) -> datetime | None:
    """Until when a dataset is protected once it is served: a restored one for some days, any other as before."""
    if dataset.restored_from is None:
        return dataset.protected_until
    until = now + RESTORE_PROTECTION
    return max(until, dataset.protected_until or until)
