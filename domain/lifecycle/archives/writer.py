"""TODO describe domain.lifecycle.archives.writer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from domain.content import decode_document
from domain.errors import ArchiveFailedError
from domain.lifecycle.archives.archive import archive_place, build_archive_order, require_matching_manifest
from domain.lifecycle.sagas import PAGE_BYTES, PAGE_COUNT, SagaContext

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from domain.model import Dataset
    from domain.ports import Json, Staging


class PageReader(Protocol):
    """Staged documents, in pages bounded by count and bytes."""

    def __call__(self, *, max_count: int, max_bytes: int) -> AsyncIterator[Sequence[bytes]]: ...


_SAMPLE_BYTES: Final = 64 << 20


async def is_staging_intact(staging: Staging, dataset: Dataset) -> bool:
    """Whether what is staged of the dataset is what was staged; nothing is missing from one without content."""
    content = dataset.content
    if content is None:
        return True
    measured = await staging.measure(dataset.dataset_id, content.attempt)
    return measured is not None and measured.checksum == content.checksum


def content_lost_error(dataset: Dataset) -> ArchiveFailedError:
    """The refusal to archive what is not whole any more."""
    return ArchiveFailedError(
        f"What was staged of {dataset.dataset_id} is gone or damaged: content is lost, and an archive of it would be "
        "incomplete.",
        suggested_action=(
            "Bring the staged file back from a backup, or ask the operator: a person must confirm that an archive of "
            "what is left will do. Then make the same call again. Nothing was deleted."
        ),
    )


async def find_readable_pages(staging: Staging, dataset: Dataset) -> PageReader | None:
    """How to read the staged documents that can still be read as such; None when nothing is staged any more."""
    content = dataset.content
    if content is None or await staging.measure(dataset.dataset_id, content.attempt) is None:
        return None
    pages = partial(staging.iterate_pages, dataset.dataset_id, content.attempt)

    async def read_pages(*, max_count: int, max_bytes: int) -> AsyncIterator[Sequence[bytes]]:
        async for page in pages(max_count=max_count, max_bytes=max_bytes):
            if kept := [line for line in page if _is_document(line)]:
                yield kept

    return read_pages


async def read_sample(pages: PageReader | None, count: int) -> Sequence[bytes]:
    """The first documents; fewer where some of them cannot be read."""
    if pages is not None:
        async for page in pages(max_count=count, max_bytes=_SAMPLE_BYTES):
            return page
    return ()


def _is_document(line: bytes) -> bool:
    try:
        decode_document(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


_SAMPLE_SIZE: Final = 100


async def write_archive(
    context: SagaContext, dataset: Dataset, reason: str | None = None
) -> tuple[str, Json]:
    """Write the dataset's archive and read it back: where it stands, and its manifest.

    `reason` is why, None for that of the teardown. An archive of this content that stands already is kept when what is
    staged is not whole any more. Raises ArchiveFailedError, also for content that is lost and that nobody has let go.
    """
    deps, content, teardown = context.deps, dataset.content, dataset.teardown
    whole = await is_staging_intact(deps.staging, dataset)
    if not whole and teardown is not None:
        standing = await _load_intact_manifest(context, dataset)
        if standing is not None:
            return archive_place(dataset), standing
    pages: PageReader | None = None
    if whole:
        if teardown is not None:  # nothing has to be conceded, whatever was
            dataset = replace(dataset, teardown=replace(teardown, archive_incomplete=False))
        pages = partial(deps.staging.iterate_pages, context.dataset_id, content.attempt) if content else None
    elif teardown is not None and teardown.archive_incomplete:
        pages = await find_readable_pages(deps.staging, dataset)
    else:
        raise content_lost_error(dataset)
    kept = pages if deps.settings.full_data else None
    order = build_archive_order(
        dataset,
        await context.load_connector(),
        sample=await read_sample(pages, _SAMPLE_SIZE),
        documents=partial(kept, max_count=PAGE_COUNT, max_bytes=PAGE_BYTES) if kept else None,
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
    """The manifest of the archive of this content, read back; None when there is none, or a damaged one."""
    try:
        there = await context.deps.archives.read_manifest(archive_place(dataset))
        return await _verify_archive(context, dataset) if there else None
    except ArchiveFailedError:
        return None
