"""The use of a dataset: whoever needs it again ends its time as an orphan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from domain.audit import publish_events
from domain.errors import format_timestamp
from domain.model import OrphanCleared, build_event, dataset_facts

if TYPE_CHECKING:
    from datetime import datetime

    from domain.model import Dataset, Event, OrphanMark, OrphanReason
    from domain.ports import UnitOfWork


def used_dataset(uow: UnitOfWork, dataset: Dataset, now: datetime, **changes: Any) -> Dataset:
    """The dataset as it is after a use at `now`, with further changes; it has to be stored.

    Its orphan mark goes, which is published. The instants of mark and use cannot tell: a clock that was ahead at the
    scan has put the mark's into the future.
    """
    if mark := dataset.orphan:
        publish_events(uow, orphan_cleared_event(dataset, mark, now))
    return dataset.evolve(last_used_at=now, orphan=None, **changes)


def orphan_cleared_event(dataset: Dataset, mark: OrphanMark, now: datetime) -> Event:
    """The event that a dataset's orphan mark was cleared."""
    return build_event(
        OrphanCleared(
            **dataset_facts(dataset),
            reason=published_reason(mark),
            orphaned_at=format_timestamp(mark.orphaned_at),
        ),
        now,
    )


def published_reason(mark: OrphanMark) -> OrphanReason:
    """The reason of a mark as it is published, also one of a later release that this one does not know."""
    return cast("OrphanReason", mark.reason)
