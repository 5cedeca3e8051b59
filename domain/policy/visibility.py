"""Visibility: look-ups that find only what the caller may access. To a caller, anything else does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import (
    InvalidArgumentError,
    PreconditionUnknownError,
    Recovery,
    UnknownClientError,
    UnknownDatasetError,
    UnknownJourneyError,
)
from domain.model import (
    IDENTIFIER,
    Client,
    Dataset,
    Journey,
    UnreadableRow,
    closest_names,
    same_names,
)
from domain.policy.scopes import require_journey_access
from domain.ports import DatasetQuery

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.model import Principal, Progress, Stage
    from domain.ports import UnitOfWork

_CANDIDATE_LIMIT: Final = 1000
_OWNER_LIMIT: Final = 5


def find_dataset(uow: UnitOfWork, dataset_id: str, principal: Principal) -> Dataset:
    """Find a dataset. Raises UnknownDatasetError when it does not exist or the caller may not access it."""
    dataset = uow.datasets.get(dataset_id)
    if dataset is None or not principal.can_access_client(dataset.client_id):
        msg = f"There is no dataset {dataset_id!r}."
        candidates = closest_dataset_ids(uow, dataset_id, principal)
        raise UnknownDatasetError(msg, field="dataset_id", candidates=candidates)
    return dataset


def closest_dataset_ids(uow: UnitOfWork, value: str, principal: Principal) -> tuple[str, ...]:
    """The ids of the datasets that this can only be a misspelling, the name or the connector of, live ones first."""
    found = uow.datasets.find(DatasetQuery(limit=_CANDIDATE_LIMIT))
    visible = [each for each in found if principal.can_access_client(each.client_id)]
    labels = {each.dataset_id: [each.name, each.connector_id or ""] for each in visible}
    live = same_names(value, [each.dataset_id for each in visible if each.live], labels)
    return live or same_names(value, [each.dataset_id for each in visible], labels)


def find_dataset_for_update(uow: UnitOfWork, dataset_id: str, principal: Principal) -> Dataset:
    """Find a dataset that the caller wants to change.

    Raises UnknownDatasetError, and ForbiddenError when the caller's token is bound to another journey.
    """
    dataset = find_dataset(uow, dataset_id, principal)
    require_journey_access(principal, dataset)
    return dataset


def current_progress(uow: UnitOfWork, dataset: Dataset | None) -> Progress | None:
    """The progress of the saga that works on the dataset; None without a saga, or before it has reported any."""
    if dataset is None or dataset.run is None:
        return None
    progress = uow.datasets.get_progress(dataset.dataset_id)
    return progress if progress and progress.saga_id == dataset.run.saga_id else None


def find_client(
    uow: UnitOfWork,
    client_id: str,
    principal: Principal,
    *,
    journey_id: str | None = None,
    stage: Stage | None = None,
) -> Client:
    """Find a client. Raises UnknownClientError when it does not exist or the caller may not access it.

    `journey_id` and `stage` are of the journey that is wanted of it, for the commands that the error then has.
    """
    client = uow.clients.get(client_id) if principal.can_access_client(client_id) else None
    if client is None:
        msg = f"There is no client {client_id!r}."
        candidates = closest_client_ids(uow, client_id, principal)
        if candidates or not IDENTIFIER.fullmatch(client_id):
            raise UnknownClientError(msg, field="client_id", candidates=candidates)
        add = (
            f"`dataset-lifecycle clients add {client_id} --name NAME --industry INDUSTRY --use-case USE_CASE`"
        )
        journey = f", and its journey with {_add_journey_command(client_id, journey_id, stage)}"
        raise UnknownClientError(
            msg,
            field="client_id",
            recovery=Recovery.NEEDS_HUMAN,
            suggested_action=f"Ask the operator: a new client is added with {add}{journey if journey_id else ''}.",
        )
    return client


def _add_journey_command(client_id: str, journey_id: str | None, stage: Stage | None) -> str:
    """The command with which an operator adds a journey; what is not known is for them to fill in."""
    return f"`dataset-lifecycle journeys add {journey_id} --client-id {client_id} --stage {stage or 'STAGE'}`"


def closest_client_ids(uow: UnitOfWork, value: str, principal: Principal) -> tuple[str, ...]:
    """The ids of the clients that this may mean: by spelling, name or industry, or as the id of their journey."""
    visible = [each for each in uow.clients.all() if principal.can_access_client(each.client_id)]
    labels = {each.client_id: [each.name, each.industry] for each in visible}
    near = closest_names(value, labels, labels)
    if near or not principal.can_change_journey(value):
        return near
    owners = [each for each in labels if uow.journeys.get(each, value) is not None]
    return tuple(owners[:_OWNER_LIMIT])


def find_journey(
    uow: UnitOfWork, client_id: str, journey_id: str, principal: Principal, *, stage: Stage | None = None
) -> Journey:
    """Find a journey of that client, as stored. A caller who is bound to a journey finds no other.

    `stage` is the one that is wanted, for the command with which an operator adds the journey.

    Raises UnknownJourneyError, also for another client's journey, and PreconditionUnknownError when its row cannot be
    read.
    """
    journey = uow.journeys.get(client_id, journey_id) if principal.can_change_journey(journey_id) else None
    if journey is None:
        msg = f"Client {client_id!r} has no journey {journey_id!r}."
        candidates = closest_journey_ids(uow, (client_id,), journey_id, principal)
        if candidates or not IDENTIFIER.fullmatch(journey_id):
            raise UnknownJourneyError(msg, field="journey_id", candidates=candidates)
        add = _add_journey_command(client_id, journey_id, stage)
        raise UnknownJourneyError(
            msg,
            field="journey_id",
            recovery=Recovery.NEEDS_HUMAN,
            suggested_action=f"Ask the operator: a new journey is added with {add}.",
        )
    if isinstance(journey, UnreadableRow):
        msg = f"The journey {journey_id!r} cannot be read: {journey.why}."
        raise PreconditionUnknownError(
            msg, field="journey_id", suggested_action="Have the journey's row repaired."
        )
    return journey


def find_journey_by_id(
    uow: UnitOfWork, journey_id: str, principal: Principal, client_id: str | None = None
) -> Journey:
    """Find a journey by its id, as stored, among the clients that the caller may access, or of that client.

    Raises UnknownClientError, UnknownJourneyError, InvalidArgumentError when several clients have such a journey, and
    PreconditionUnknownError when its row cannot be read.
    """
    if client_id is not None:
        find_client(uow, client_id, principal)
        return find_journey(uow, client_id, journey_id, principal)
    clients = accessible_client_ids(uow, principal)
    owners = [each for each in clients if uow.journeys.get(each, journey_id) is not None]
    if len(owners) == 1:
        return find_journey(uow, owners[0], journey_id, principal)
    if owners:
        msg = f"Several clients have a journey {journey_id!r}."
        raise InvalidArgumentError(msg, field="client_id", candidates=tuple(owners))
    msg = f"There is no journey {journey_id!r}."
    candidates = closest_journey_ids(uow, clients, journey_id, principal)
    raise UnknownJourneyError(msg, field="journey_id", candidates=candidates)


def closest_journey_ids(
    uow: UnitOfWork, client_ids: Iterable[str], value: str, principal: Principal
) -> tuple[str, ...]:
    """The ids of the journeys of these clients that this may mean: by spelling, stage, or as the client of it."""
    found = [each for one in client_ids for each in uow.journeys.find(client_id=one)]
    visible = [
        each for each in found if isinstance(each, Journey) and principal.can_change_journey(each.journey_id)
    ]
    names = [each.journey_id for each in visible]
    labels = {each.journey_id: [each.stage.value, each.client_id] for each in visible}
    return closest_names(value, names) or closest_names(value, names, labels)


def accessible_client_ids(uow: UnitOfWork, principal: Principal) -> list[str]:
    """The ids of the clients that the principal may access."""
    return [each.client_id for each in uow.clients.all() if principal.can_access_client(each.client_id)]
