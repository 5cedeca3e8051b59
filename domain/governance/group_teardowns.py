"""Group teardowns: every live dataset of a client or of a journey, each with every check of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.errors import LifecycleError, StoreFailedError
from domain.model import DatasetStatus
from domain.policy import find_client, find_journey_by_id
from domain.ports import DatasetQuery, paginate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.lifecycle import TeardownResult, TeardownService
    from domain.model import ConfirmationRequest, Confirmer, Dataset, Principal, TeardownReason
    from domain.ports import Store, UnitOfWork

_PAGE: Final = 500
_LIVE: Final = tuple(each for each in DatasetStatus if each is not DatasetStatus.ARCHIVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTeardownPlan:
    """Plan of a group teardown: the datasets that go, those whose teardown was claimed before, and those refused.

    Each dataset that goes is a `request`, with what a person is shown about it.
    """

    reason: TeardownReason
    requests: tuple[ConfirmationRequest, ...]
    claimed: tuple[Dataset, ...]
    refused: tuple[tuple[Dataset, LifecycleError], ...]


class GroupTeardownService:
    """Group teardown service: plans and starts the teardowns of all live datasets of a client or a journey."""

    def __init__(self, store: Store, teardowns: TeardownService) -> None:
        """Find the datasets in that store."""
        self._store = store
        self._teardowns = teardowns

    async def plan(
        self,
        reason: TeardownReason,
        principal: Principal,
        *,
        client_id: str | None = None,
        journey_id: str | None = None,
    ) -> GroupTeardownPlan:
        """Plan the teardown of the live datasets of that client, or of that journey, with every check of each.

        Raises UnknownClientError, UnknownJourneyError, and InvalidArgumentError when several clients have the journey.
        """

        def find_datasets(uow: UnitOfWork) -> list[Dataset]:
            owner = client_id
            if journey_id is None:
                find_client(uow, client_id or "", principal)
            else:
                owner = find_journey_by_id(uow, journey_id, principal, client_id).client_id
            return list(
                paginate(
                    lambda after: uow.datasets.find(
                        DatasetQuery(
                            client_id=owner, journey_id=journey_id, statuses=_LIVE, after=after, limit=_PAGE
                        )
                    ),
                    lambda last: last.dataset_id,
                )
            )

        requests: list[ConfirmationRequest] = []
        claimed: list[Dataset] = []
        refused: list[tuple[Dataset, LifecycleError]] = []
        for each in await self._store.read(find_datasets):
            try:
                request = await self._teardowns.preview(each.dataset_id, reason, principal)
            except StoreFailedError:
                raise  # the others would fail, too
            except LifecycleError as error:
                refused.append((each, error))
            else:
                if request is None:
                    claimed.append(each)
                else:
                    requests.append(request)
        return GroupTeardownPlan(
            reason=reason, requests=tuple(requests), claimed=tuple(claimed), refused=tuple(refused)
        )

    async def start(
        self, plan: GroupTeardownPlan, principal: Principal, confirmer: Confirmer | None
    ) -> AsyncIterator[tuple[Dataset, TeardownResult | LifecycleError]]:
        """Start the planned teardowns one after another, and yield each, or the error that refuses it.

        Every check is made again, and a dataset that has changed since it was planned is refused.
        """
        planned = [(each.dataset, each.generation) for each in plan.requests]
        for dataset, generation in [*planned, *((each, None) for each in plan.claimed)]:
            try:
                yield (
                    dataset,
                    await self._teardowns.start_or_attach(
                        dataset.dataset_id, plan.reason, principal, confirmer, generation=generation
                    ),
                )
            except StoreFailedError:
                raise  # it is not known whether this claim succeeded, and the others would fail too
            except LifecycleError as error:
                yield dataset, error
