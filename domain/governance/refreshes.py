"""Scheduled refreshes: which datasets the daily refresh takes, and the run that begins them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.errors import LifecycleError, StoreUnavailableError, require_present
from domain.model import DatasetStatus, Journey, JourneyState
from domain.policy import has_moving_source, protected_until
from domain.ports import DatasetQuery, paginate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.lifecycle import RefreshService
    from domain.model import Dataset, Principal, Template
    from domain.ports import Clock, Store, Templates, UnitOfWork

_PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshRun:
    """Run of the daily refresh: the datasets that it began to refresh, those that refused, and how many are left.

    Those that are left are taken by the next runs, because one run takes only so many.
    """

    begun: tuple[Dataset, ...]
    skipped: tuple[tuple[Dataset, LifecycleError], ...]
    left: int


class ScheduledRefreshService:
    """Scheduled refresh service: begins the refreshes that are due."""

    def __init__(
        self, store: Store, clock: Clock, templates: Templates, refreshes: RefreshService, *, most: int
    ) -> None:
        """Begin at most so many refreshes in a run."""
        self._store = store
        self._clock = clock
        self._templates = templates
        self._refreshes = refreshes
        self._most = most

    async def run(self, principal: Principal) -> RefreshRun:
        """Begin the refreshes that are due, of those datasets first that were populated longest ago.

        A dataset is due when it is READY, unprotected and no orphan, its journey is active at its stage, and something
        has happened in its source since it was populated. One that refuses is skipped. Raises MockDataMissingError.
        """
        templates = {each.template_id: each for each in await self._templates.list()}
        now = self._clock.now()
        due = await self._store.read(lambda uow: _find_due(uow, templates, now))
        begun: list[Dataset] = []
        skipped: list[tuple[Dataset, LifecycleError]] = []
        for each in due:
            if len(begun) == self._most:
                break
            try:
                await self._refreshes.start_or_attach(each.dataset_id, principal, as_use=False)
            except StoreUnavailableError:
                raise  # the run waits, and repeats its work
            except LifecycleError as error:
                skipped.append((each, error))
            else:
                begun.append(each)
        return RefreshRun(
            begun=tuple(begun), skipped=tuple(skipped), left=len(due) - len(begun) - len(skipped)
        )


def _find_due(uow: UnitOfWork, templates: Mapping[str, Template], now: datetime) -> list[Dataset]:
    """The datasets that are due, in the order in which they are taken."""
    ready = paginate(
        lambda after: uow.datasets.find(
            DatasetQuery(statuses=(DatasetStatus.READY,), after=after, limit=_PAGE)
        ),
        lambda last: last.dataset_id,
    )
    due = [
        each
        for each in ready
        if each.orphan is None
        and protected_until(each, now) is None
        and has_moving_source(each, templates.get(each.template.template_id))
        and _populated_at(each).date() != now.date()
    ]
    return sorted((each for each in due if _has_active_journey(uow, each, now)), key=_last_tried_at)


def _has_active_journey(uow: UnitOfWork, dataset: Dataset, now: datetime) -> bool:
    """Whether the journey is active at the dataset's stage. One that is paused or cannot be read is left alone."""
    journey = uow.journeys.get(dataset.client_id, dataset.journey_id)
    if not isinstance(journey, Journey):
        return False
    current = journey.as_of(now)
    return current.state is JourneyState.ACTIVE and current.stage is dataset.stage


def _populated_at(dataset: Dataset) -> datetime:
    return require_present(dataset.populated_at, "a dataset that is READY has content")


def _last_tried_at(dataset: Dataset) -> datetime:
    """When it was populated, or failed to be: so one that fails each day does not keep others from their turn."""
    failed_at = dataset.failure.at if dataset.failure else _populated_at(dataset)
    return max(_populated_at(dataset), failed_at)
