"""Saga context: how a saga reads and changes its dataset, while it is the dataset's current run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from domain import connectors
from domain.connectors import require_same_platform
from domain.errors import CancelledError, require_present
from domain.lifecycle.sagas.store_retry import StoreWaits
from domain.model import Connector, Dataset, DatasetType, LifecycleSettings, OwnerTag, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from domain.ports import (
        Archives,
        Clock,
        ConnectorTemplates,
        Ids,
        Platform,
        ProductionExport,
        Secrets,
        Staging,
        Store,
        Templates,
        UnitOfWork,
    )

    T = TypeVar("T")

PAGE_COUNT: Final = 1000
PAGE_BYTES: Final = 4 << 20
"""The size of a page of staged content in memory: documents, and bytes."""


class SupersededError(Exception):
    """The dataset has another saga by now. This saga stops, and changes nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """The ports and settings that sagas use. Without an `export` there are no sanitized production data."""

    store: Store
    clock: Clock
    ids: Ids
    templates: Templates
    staging: Staging
    archives: Archives
    platform: Platform
    secrets: Secrets
    connectors: ConnectorTemplates
    export: ProductionExport | None = None
    settings: LifecycleSettings = field(default_factory=LifecycleSettings)
    waits: StoreWaits = field(default_factory=StoreWaits)


class VerifiedConnector(NamedTuple):
    """Verified connector: it has a handle, and the platform that gave the handle answers. `owner` is our owner tag."""

    handle: str
    owner: OwnerTag
    connector: Connector


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaContext:
    """Saga context: the dataset that the saga `saga_id` works on, at its attempt."""

    deps: Dependencies
    dataset_id: str
    saga_id: str
    attempt: int

    def require_ownership(self, uow: UnitOfWork) -> Dataset:
        """Load the dataset in a transaction. Raises SupersededError when this saga is not its run."""
        dataset = uow.datasets.get(self.dataset_id)
        if dataset is None or dataset.run is None or dataset.run.saga_id != self.saga_id:
            raise SupersededError(self.saga_id)
        return dataset

    async def load(self) -> Dataset:
        """Load the dataset. Raises SupersededError when this saga is not its run."""
        return await self.deps.store.read(self.require_ownership)

    async def checkpoint(self) -> Dataset:
        """Load the dataset before the next step. Raises SupersededError, and CancelledError after a cancel."""
        dataset = await self.load()
        if dataset.run and dataset.run.cancel_requested:
            msg = "It was cancelled by request."
            raise CancelledError(msg)
        return dataset

    async def transact(self, work: Callable[[UnitOfWork, Dataset], T]) -> T:
        """Run a pure change on the dataset in one transaction. Raises SupersededError."""
        return await self.deps.store.transact(lambda uow: work(uow, self.require_ownership(uow)))

    async def update_dataset(self, **changes: object) -> Dataset:
        """Change the dataset's fields."""

        def apply(uow: UnitOfWork, dataset: Dataset) -> Dataset:
            changed = dataset.evolve(**changes)
            uow.datasets.put(changed)
            return changed

        return await self.transact(apply)

    async def load_connector(self) -> Connector | None:
        """The dataset's connector; None before it is created, and after it is deleted."""

        def find_connector(uow: UnitOfWork) -> Connector | None:
            dataset = self.require_ownership(uow)
            return uow.connectors.get(dataset.connector_id) if dataset.connector_id else None

        return await self.deps.store.read(find_connector)

    async def load_verified_connector(self) -> VerifiedConnector:
        """Load the connector, and require that the platform that gave its handle answers.

        Call it only after the step `connect` has stored the handle. Raises PlatformMismatchError.
        """
        connected = "a step after `connect` runs, or a compensation that has looked for the handle"
        connector = require_present(await self.load_connector(), connected)
        handle = require_present(connector.handle, connected)
        await require_same_platform(self.deps.platform, connector)
        return VerifiedConnector(handle, await self.load_owner_tag(), connector)

    async def load_owner_tag(self) -> OwnerTag:
        """The owner tag of this dataset's datasource."""
        installation = await self.deps.store.read(lambda uow: uow.installation)
        return OwnerTag(installation=installation, dataset_id=self.dataset_id)

    async def update_connector(self, **changes: Any) -> Connector:
        """Change the connector's row."""

        def apply(uow: UnitOfWork, dataset: Dataset) -> Connector:
            changed = replace(require_connector(uow, dataset), **changes)
            uow.connectors.put(changed)
            return changed

        return await self.transact(apply)

    def report(self, step: str, done: int = 0, total: int | None = None, message: str = "") -> None:
        """Report the progress of this saga; may be called from any thread."""
        self.deps.store.report(
            self.dataset_id,
            Progress(step=step, done=done, total=total, message=message or f"{step} …", saga_id=self.saga_id),
        )


def require_connector(uow: UnitOfWork, dataset: Dataset) -> Connector:
    """The connector of a dataset whose saga has created or found it."""
    return require_present(
        uow.connectors.get(dataset.connector_id or ""), "rows of connectors are never deleted"
    )


def client_settings(
    templates: ConnectorTemplates, dataset: Dataset
) -> Mapping[DatasetType, Mapping[str, Any]]:
    """The settings of each type's connector for this client."""
    return {each: templates.settings(each, dataset.stage, dataset.client_id) for each in DatasetType}


def client_sites(templates: ConnectorTemplates, dataset: Dataset) -> Mapping[DatasetType, str]:
    """The site of each type for this client: the base of document addresses and of links between records."""
    return connectors.build_site_urls(
        client_settings(templates, dataset), client_id=dataset.client_id, stage=dataset.stage
    )


async def load_saga_context(deps: Dependencies, dataset_id: str, saga_id: str) -> SagaContext:
    """Load the context of a saga at the dataset's current attempt. Raises SupersededError when there is no dataset."""
    dataset = await deps.store.read(lambda uow: uow.datasets.get(dataset_id))
    if dataset is None:
        raise SupersededError(saga_id)
    return SagaContext(deps=deps, dataset_id=dataset_id, saga_id=saga_id, attempt=dataset.attempt)


def push_run_name(context: SagaContext) -> str:
    """The name of the run that this attempt pushes."""
    return f"{context.dataset_id}-{context.attempt}"
