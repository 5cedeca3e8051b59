"""What a teardown may go without, when a person has conceded it: a platform that has gone, and content that is lost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from domain.documents import decode_document
from domain.errors import ArchiveFailedError, InvalidArgumentError, PlatformError
from domain.job import require_same_platform
from domain.vocabulary import ConnectorStatus, Waiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from domain.job import Dependencies
    from domain.model import Dataset, Failure
    from domain.records import Records


class PageReader(Protocol):
    """Staged documents, in pages bounded by count and bytes."""

    def __call__(self, *, max_count: int, max_bytes: int) -> AsyncIterator[Sequence[bytes]]: ...


_SAMPLE_BYTES: Final = 64 << 20
_ABANDONED_KEY: Final = "connectors.abandoned"


async def find_required_waiver(deps: Dependencies, dataset: Dataset, *, abandon: bool) -> Waiver:
    """What a teardown that is called for, or called again, cannot go on without; NONE when it can.

    Raises InvalidArgumentError when a connector is to be abandoned that need not be.
    """
    failure = _stalled_failure(dataset)
    if failure is not None and failure.step == "archive" and not await is_staging_intact(deps, dataset):
        conceded = dataset.teardown is not None and dataset.teardown.archive_incomplete
        return Waiver.NONE if conceded else Waiver.INCOMPLETE_ARCHIVE
    if not abandon or (dataset.stalled and dataset.teardown and dataset.teardown.abandon_connector):
        return Waiver.NONE
    await _require_abandonable(deps, dataset, failure)
    return Waiver.ABANDON_CONNECTOR


async def is_staging_intact(deps: Dependencies, dataset: Dataset) -> bool:
    """Whether what is staged of the dataset is what was staged; nothing is missing from one without content."""
    content = dataset.content
    if content is None:
        return True
    measured = await deps.staging.measure(dataset.dataset_id, content.attempt)
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


async def find_readable_pages(deps: Dependencies, dataset: Dataset) -> PageReader | None:
    """How to read the staged documents that can still be read as such; None when nothing is staged any more."""
    content = dataset.content
    if content is None or await deps.staging.measure(dataset.dataset_id, content.attempt) is None:
        return None
    pages = partial(deps.staging.iterate_pages, dataset.dataset_id, content.attempt)

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


def load_abandoned_connectors(records: Records) -> tuple[str, ...]:
    """The ids of the connectors that were left in Glean because it had gone."""
    found = records.fact(_ABANDONED_KEY)
    return tuple(map(str, found)) if isinstance(found, list) else ()


def record_abandoned_connector(records: Records, connector_id: str) -> None:
    """Keep in mind that a connector is left where it is."""
    records.put_fact(_ABANDONED_KEY, sorted({*load_abandoned_connectors(records), connector_id}))


async def _require_abandonable(deps: Dependencies, dataset: Dataset, failure: Failure | None) -> None:
    connector = await deps.store.read(
        lambda records: records.connector(dataset.connector_id) if dataset.connector_id else None
    )
    if connector is None or connector.status is ConnectorStatus.DISCONNECTED:
        msg = f"{dataset.name} has no connector in Glean, so there is none to abandon."
        raise InvalidArgumentError(msg, field="abandon_connector", dataset_id=dataset.dataset_id)
    if (
        failure is not None
        and failure.step == "disconnect"
        and failure.code.startswith(_PLATFORM_CODE_PREFIXES)
    ):
        return
    try:
        await require_same_platform(deps.platform, connector)
        if connector.handle is not None:
            await deps.platform.observe(connector.handle)
        else:  # a platform need not be asked to tell its fingerprint
            await deps.platform.find_datasources([connector.name])
    except PlatformError:
        return
    msg = f"Glean answers for the connector of {dataset.name}, so an ordinary teardown removes it."
    raise InvalidArgumentError(
        msg,
        field="abandon_connector",
        dataset_id=dataset.dataset_id,
        suggested_action="Take it down without abandoning anything.",
    )


_PLATFORM_CODE_PREFIXES: Final = ("platform_", "cleanup_")
"""How the codes begin of what a platform that answers can still refuse, at the disconnect."""


def _stalled_failure(dataset: Dataset) -> Failure | None:
    """Why a teardown that nothing works on stands where it does."""
    return dataset.teardown.failure if dataset.stalled and dataset.teardown else None


def _is_document(line: bytes) -> bool:
    try:
        decode_document(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
