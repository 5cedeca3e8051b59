"""Datasource: deletion in Glean, and the wait until it is gone."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.errors import PlatformUnavailableError
from domain.lifecycle.sagas.polling import exponential_backoff, poll
from domain.model import Connector, ConnectorOutcome, Dataset, OwnerTag
from domain.ports import Removal

if TYPE_CHECKING:
    from domain.lifecycle.sagas.context import Dependencies, SagaContext
    from domain.ports import UnitOfWork

_FIRST_POLL_S: Final = 0.05
_LONGEST_POLL_S: Final = 10.0


async def delete_datasource(context: SagaContext, connector: Connector, mark: OwnerTag) -> Removal:
    """Delete a dataset's datasource, also one whose creation was never confirmed; no outcome when there is none.

    The caller has checked the platform's fingerprint. Each saga is an attempt of its own: one that follows a saga which
    waited in vain does not wait for the same thing again.

    Raises PlatformMismatchError when the datasource of the handle is not ours, and PlatformUnavailableError when the
    deletion has not ended within the sync deadline, of which every process that takes over has the whole.
    """
    handles = await _find_handles(context.deps, connector, mark)
    removal = Removal(outcome=None)
    for handle in dict.fromkeys([*handles, *([connector.handle] if connector.handle else [])]):
        removal = await _delete_and_wait(context, handle, mark)
    return removal


async def confirm_datasource(context: SagaContext, connector: Connector, mark: OwnerTag) -> Connector:
    """The connector with its handle on record, also of a datasource whose creation was never confirmed.

    Whoever resumes after its deletion can still tell that there was one.
    """
    if connector.handle is not None:
        return connector
    for handle in await _find_handles(context.deps, connector, mark):
        await context.update_connector(handle=handle)
        return replace(connector, handle=handle)
    return connector


def previous_removal(dataset: Dataset, uow: UnitOfWork) -> Removal:
    """The removal of the newest datasource of a dataset that has none any more; no outcome when it never had one."""
    made = (uow.connectors.get(attempt_connector_id(dataset, each)) for each in range(dataset.attempt, 0, -1))
    newest = next((each for each in made if each is not None and each.handle is not None), None)
    if newest is None:
        return Removal(outcome=None)
    if newest.left is None:
        return Removal(outcome=ConnectorOutcome.DELETED)
    return Removal(outcome=ConnectorOutcome.EMPTIED, left=newest.left)


def attempt_connector_id(dataset: Dataset, attempt: int) -> str:
    """Our own id of the connector that an attempt creates."""
    return f"cn-{dataset.dataset_id}-{attempt}"


async def _find_handles(deps: Dependencies, connector: Connector, mark: OwnerTag) -> list[str]:
    found = await deps.platform.find_datasources([connector.name])
    return [each.handle for each in found if each.mark == mark]


async def _delete_and_wait(context: SagaContext, handle: str, mark: OwnerTag) -> Removal:
    deps, limit = context.deps, context.deps.settings.sync_deadline
    return await poll(
        partial(deps.platform.delete_datasource, handle, mark, context.saga_id),
        deps.clock,
        exponential_backoff(_FIRST_POLL_S, _LONGEST_POLL_S),
        limit=limit,
        timeout_error=lambda: PlatformUnavailableError(f"Glean had not deleted its documents after {limit}."),
    )
