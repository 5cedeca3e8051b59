"""Waivers: a teardown without a platform that cannot be reached, or with an incomplete archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.connectors import require_same_platform
from domain.errors import CleanupFailedError, InvalidArgumentError, PlatformError
from domain.lifecycle.archives import is_staging_intact
from domain.lifecycle.sagas import is_code_of
from domain.model import ConnectorStatus, Waiver

if TYPE_CHECKING:
    from domain.model import Dataset, Failure
    from domain.ports import Platform, Staging, Store


async def find_required_waiver(
    store: Store, staging: Staging, platform: Platform, dataset: Dataset, *, abandon: bool
) -> Waiver:
    """The waiver that a teardown needs to begin or to continue; NONE when it needs none.

    Raises InvalidArgumentError when a connector is to be abandoned although Glean can delete it.
    """
    stalled = dataset.stalled_teardown
    failure = stalled.failure if stalled else None
    if stalled and failure and failure.step == "archive" and not await is_staging_intact(staging, dataset):
        return Waiver.NONE if stalled.archive_incomplete else Waiver.INCOMPLETE_ARCHIVE
    if not abandon or (stalled and stalled.abandon_connector):
        return Waiver.NONE
    await _require_abandonable(store, platform, dataset, failure)
    return Waiver.ABANDON_CONNECTOR


async def _require_abandonable(
    store: Store, platform: Platform, dataset: Dataset, failure: Failure | None
) -> None:
    connector = await store.read(
        lambda uow: uow.connectors.get(dataset.connector_id) if dataset.connector_id else None
    )
    if connector is None or connector.status is ConnectorStatus.DISCONNECTED:
        msg = f"{dataset.name} has no connector in Glean, so there is none to abandon."
        raise InvalidArgumentError(msg, field="abandon_connector", dataset_id=dataset.dataset_id)
    if (
        failure is not None
        and failure.step == "disconnect"
        and is_code_of(failure.code, PlatformError, CleanupFailedError)
    ):
        return  # a platform that answers may still refuse the deletion
    try:
        await require_same_platform(platform, connector)
        if connector.handle is not None:
            await platform.observe(connector.handle)
        else:  # a platform need not be asked to tell its fingerprint
            await platform.find_datasources([connector.name])
    except PlatformError:
        return
    msg = f"Glean answers for the connector of {dataset.name}, so an ordinary teardown removes it."
    raise InvalidArgumentError(
        msg,
        field="abandon_connector",
        dataset_id=dataset.dataset_id,
        suggested_action="Take it down without abandoning its connector.",
    )
