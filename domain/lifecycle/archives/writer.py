"""Archive writer: writes a dataset's archive from staging and verifies it; nothing is deleted without that."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from domain.content import DECODE_ERRORS, decode_document
from domain.errors import ArchiveFailedError
from domain.lifecycle.archives.archive import archive_place, build_archive_order, require_matching_manifest
from domain.lifecycle.sagas import PAGE_BYTES, PAGE_COUNT, SagaContext

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from domain.model import Dataset
    from domain.ports import Json, Staging


class PageReader(Protocol):
    """Reads staged documents, in pages bounded by count and bytes."""

    def __call__(self, *, max_count: int, max_bytes: int) -> AsyncIterator[Sequence[bytes]]: ...


_SAMPLE_BYTES: Final = 64 << 20


async def is_staging_intact(staging: Staging, dataset: Dataset) -> bool:
    """Whether the staged content is unchanged; True for a dataset without content."""
    content = dataset.content
    if content is None:
        return True
    measured = await staging.measure(dataset.dataset_id, content.attempt)
    return measured is not None and measured.checksum == content.checksum


def content_lost_error(dataset: Dataset) -> ArchiveFailedError:
    """The refusal to archive staged content that is incomplete."""
    return ArchiveFailedError(
        f"The staged documents of {dataset.dataset_id} are missing or damaged: content is lost, and an archive of it "
        "would be incomplete.",
        suggested_action=(
            "Restore the staged file from a backup, or ask the operator: a person must confirm that an archive of "
            "what is left is enough. Then make the same call again. Nothing was deleted."
        ),
    )


async def find_readable_pages(staging: Staging, dataset: Dataset) -> PageReader | None:
    """A reader of the staged documents that can still be decoded; None when nothing is staged."""
    content = dataset.content
    if content is None or await staging.measure(dataset.dataset_id, content.attempt) is None:
        return None
    pages = partial(staging.iterate_pages, dataset.dataset_id, content.attempt)

    async def read_pages(*, max_count: int, max_bytes: int) -> AsyncIterator[Sequence[bytes]]:
        async for page in pages(max_count=max_count, max_bytes=max_bytes):
            if readable := [line for line in page if _is_document(line)]:
                yield readable

    return read_pages


async def read_sample(pages: PageReader | None, count: int) -> Sequence[bytes]:
    """The first documents; fewer when some of them cannot be read."""
    if pages is not None:
        async for page in pages(max_count=count, max_bytes=_SAMPLE_BYTES):
            return page
    return ()


def _is_document(line: bytes) -> bool:
    try:
        decode_document(line)
    except DECODE_ERRORS:
        return False
    return True


_SAMPLE_SIZE: Final = 100


async def write_archive(
    context: SagaContext, dataset: Dataset, reason: str | None = None
) -> tuple[str, Json]:
    """Write the dataset's archive and verify it; return its place and manifest.

    `reason` is why, None for the reason of the teardown. When the staged content is no longer intact, an intact archive
    of it that exists already is kept. Raises ArchiveFailedError, also for lost content without a waiver.
    """
    deps, content, teardown = context.deps, dataset.content, dataset.teardown
    intact = await is_staging_intact(deps.staging, dataset)
    if not intact and teardown is not None:
        existing = await _load_intact_manifest(context, dataset)
        if existing is not None:
            return archive_place(dataset), existing
    pages: PageReader | None = None
    if intact:
        if teardown is not None:  # the archive is complete, so an earlier waiver must not mark it incomplete
            dataset = replace(dataset, teardown=replace(teardown, archive_incomplete=False))
        pages = partial(deps.staging.iterate_pages, context.dataset_id, content.attempt) if content else None
    elif teardown is not None and teardown.archive_incomplete:
        pages = await find_readable_pages(deps.staging, dataset)
    else:
        raise content_lost_error(dataset)
    archived_pages = pages if deps.settings.full_data else None
    order = build_archive_order(
        dataset,
        await context.load_connector(),
        sample=await read_sample(pages, _SAMPLE_SIZE),
        documents=partial(archived_pages, max_count=PAGE_COUNT, max_bytes=PAGE_BYTES)
        if archived_pages
        else None,
        now=deps.clock.now(),
        retention_days=deps.settings.retention_days,
        compressed=deps.settings.compression,
        reason=reason,
    )
    await deps.archives.write(order)
    return order.place, require_matching_manifest(dataset, await deps.archives.verify(order.place))


async def _verify_archive(context: SagaContext, dataset: Dataset) -> Json:
    return require_matching_manifest(dataset, await context.deps.archives.verify(archive_place(dataset)))


async def _load_intact_manifest(context: SagaContext, dataset: Dataset) -> Json | None:
    """The verified manifest of the archive of this content; None when there is none, or it is damaged."""
    try:
        manifest = await context.deps.archives.read_manifest(archive_place(dataset))
        return await _verify_archive(context, dataset) if manifest else None
    except ArchiveFailedError:
        return None
