"""Rules of generations: a move of a journey voids what was asked, granted or answered about its datasets.

What a person decides on is bound to a dataset's generation. `Dataset.evolve` raises it when the dataset itself changes;
here every move of its journey does: of state or stage, the lapse of its lease, and the end of that lapse. A lapse comes
with time and not with a call, so it is put on record by the next call that depends on it, and by every scan.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from domain.model import DatasetStatus, Journey
from domain.ports import DatasetQuery

if TYPE_CHECKING:
    from datetime import datetime

    from domain.ports import UnitOfWork

_LIVE: Final = tuple(status for status in DatasetStatus if status is not DatasetStatus.ARCHIVED)
_MANY: Final = 500
"""More than the live datasets of a journey: there is one for each stage and type."""


def raise_generations(uow: UnitOfWork, journey: Journey) -> None:
    """Raise the generation of every live dataset of the journey."""
    query = DatasetQuery(
        client_id=journey.client_id, journey_id=journey.journey_id, statuses=_LIVE, limit=_MANY
    )
    for each in uow.datasets.find(query):
        uow.datasets.put(replace(each, generation=each.generation + 1))


def record_lapse(uow: UnitOfWork, client_id: str, journey_id: str, now: datetime) -> bool:
    """Put on record that the journey's lease has lapsed, or no longer is; whether that was new.

    Does nothing for a journey that does not exist or cannot be read: what depends on it is refused.
    """
    journey = uow.journeys.get(client_id, journey_id)
    if not isinstance(journey, Journey) or journey.has_lapsed(now) == journey.lapsed:
        return False
    uow.journeys.put(replace(journey, lapsed=not journey.lapsed))
    raise_generations(uow, journey)
    return True
