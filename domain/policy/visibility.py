"""TODO describe domain.policy.visibility."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import (
    InvalidArgumentError,
    PreconditionUnknownError,
    UnknownClientError,
    UnknownDatasetError,
    UnknownJourneyError,
)
from domain.model import Client, Dataset, Journey, UnreadableRow, closest_names
from domain.policy.scopes import require_journey_access
from domain.ports import DatasetQuery

if TYPE_CHECKING:
    from domain.model import Principal, Progress
    from domain.ports import UnitOfWork

_CANDIDATE_LIMIT: Final = 1000


def find_dataset(uow: UnitOfWork, dataset_id: str, principal: Principal) -> Dataset:
    """The dataset. Raises UnknownDatasetError for one that is not there, or that the caller may not touch."""
    dataset = uow.datasets.get(dataset_id)
    if dataset is None or not principal.can_access_client(dataset.client_id):
        seen = [
            each.dataset_id
            for each in uow.datasets.find(DatasetQuery(limit=_CANDIDATE_LIMIT))
            if principal.can_access_client(each.client_id)
        ]
        msg = f"There is no dataset {dataset_id!r}."
        raise UnknownDatasetError(msg, field="dataset_id", candidates=closest_names(dataset_id, seen))
    return dataset


def find_dataset_for_update(uow: UnitOfWork, dataset_id: str, principal: Principal) -> Dataset:
    """The dataset, for a caller who changes it. Raises ForbiddenError when their token is bound to another journey."""
    dataset = find_dataset(uow, dataset_id, principal)
    require_journey_access(principal, dataset)
    return dataset


def current_progress(uow: UnitOfWork, dataset: Dataset | None) -> Progress | None:
    """How far the saga that works on the dataset now has come; None when none does, or it has not said yet."""
    if dataset is None or dataset.run is None:
        return None
    said = uow.datasets.get_progress(dataset.dataset_id)
    return said if said and said.saga_id == dataset.run.saga_id else None


def find_client(uow: UnitOfWork, client_id: str, principal: Principal) -> Client:
    """The client. Raises UnknownClientError for one that is not there, or that the caller may not touch."""
    client = uow.clients.get(client_id) if principal.can_access_client(client_id) else None
    if client is None:
        seen = [each.client_id for each in uow.clients.all() if principal.can_access_client(each.client_id)]
        msg = f"There is no client {client_id!r}."
        raise UnknownClientError(msg, field="client_id", candidates=closest_names(client_id, seen))
    return client


def find_journey(uow: UnitOfWork, client_id: str, journey_id: str, principal: Principal) -> Journey:
    """The journey of that client, as stored. To a caller bound to a journey there is no other.

    Raises UnknownJourneyError, also for another client's, and PreconditionUnknownError for one that cannot be read.
    """
    journey = uow.journeys.get(client_id, journey_id) if principal.can_change_journey(journey_id) else None
    if journey is None:
        theirs = [
            each.journey_id
            for each in uow.journeys.find(client_id=client_id)
            if isinstance(each, Journey) and principal.can_change_journey(each.journey_id)
        ]
        msg = f"Client {client_id!r} has no journey {journey_id!r}."
        raise UnknownJourneyError(msg, field="journey_id", candidates=closest_names(journey_id, theirs))
    if isinstance(journey, UnreadableRow):
        msg = f"The journey {journey_id!r} cannot be read: {journey.why}."
        raise PreconditionUnknownError(
            msg, field="journey_id", suggested_action="Have the journey's row repaired."
        )
    return journey


def find_journey_by_id(
    uow: UnitOfWork, journey_id: str, principal: Principal, client_id: str | None = None
) -> Journey:
    """The journey of that id, as stored, among the clients that the caller may touch, or of that client.

    Raises UnknownClientError, UnknownJourneyError, InvalidArgumentError when several clients have one of that id, and
    PreconditionUnknownError for one that cannot be read.
    """
    if client_id is not None:
        find_client(uow, client_id, principal)
        return find_journey(uow, client_id, journey_id, principal)
    clients = _accessible_client_ids(uow, principal)
    having = [each for each in clients if uow.journeys.get(each, journey_id) is not None]
    if len(having) == 1:
        return find_journey(uow, having[0], journey_id, principal)
    if having:
        msg = f"Several clients have a journey {journey_id!r}."
        raise InvalidArgumentError(msg, field="client_id", candidates=tuple(having))
    found = [each for one in clients for each in uow.journeys.find(client_id=one)]
    seen = [each.journey_id for each in found if isinstance(each, Journey)]
    msg = f"There is no journey {journey_id!r}."
    raise UnknownJourneyError(msg, field="journey_id", candidates=closest_names(journey_id, seen))


def _accessible_client_ids(uow: UnitOfWork, principal: Principal) -> list[str]:
    return [each.client_id for each in uow.clients.all() if principal.can_access_client(each.client_id)]
