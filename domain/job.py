"""One saga's hold on one dataset: what it may read and change, as long as it is the dataset's current run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from domain import connectors
from domain.errors import CancelledError, PlatformMismatchError
from domain.model import Connector, Dataset, Mark, Progress
from domain.saga import SupersededError
from domain.vocabulary import DatasetType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from domain.platform import Platform
    from domain.ports import Archives, Clock, ConnectorTemplates, Ids, Secrets, Staging, Templates
    from domain.records import Records, Store

    T = TypeVar("T")

PAGE_COUNT: Final = 1000
PAGE_BYTES: Final = 4 << 20
"""How much of a staged content is in memory at a time: documents, and bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an operator may set, of the things that the sagas go by."""

    sync_deadline: timedelta = timedelta(minutes=30)
    stop_deadline: timedelta = timedelta(minutes=5)
    questions_deadline: timedelta = timedelta(minutes=1)
    retention_days: int = 90
    full_data: bool = True
    compression: bool = True
    orphan_grace: timedelta = timedelta(days=7)
    records_per_dataset: int = 10_000_000
    attempts: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Everything outside the domain that a saga works with."""

    store: Store
    clock: Clock
    ids: Ids
    templates: Templates
    staging: Staging
    archives: Archives
    platform: Platform
    secrets: Secrets
    connectors: ConnectorTemplates
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A dataset in the hands of the saga `saga_id`, at population number `attempt`."""

    outside: Outside
    dataset_id: str
    saga_id: str
    attempt: int

    def mine(self, records: Records) -> Dataset:
        """The dataset as it stands. Raises SupersededError when this saga is not its run."""
        dataset = records.dataset(self.dataset_id)
        if dataset is None or dataset.run is None or dataset.run.saga_id != self.saga_id:
            raise SupersededError(self.saga_id)
        return dataset

    async def look(self) -> Dataset:
        """The dataset as it stands. Raises SupersededError."""
        return await self.outside.store.read(self.mine)

    async def proceed(self) -> Dataset:
        """The dataset, when the next step may begin. Raises CancelledError when somebody asked to stop."""
        dataset = await self.look()
        if dataset.run and dataset.run.cancel_requested:
            msg = "It was cancelled by request."
            raise CancelledError(msg)
        return dataset

    async def change(self, work: Callable[[Records, Dataset], T]) -> T:
        """Run a pure change on the dataset in one transaction. Raises SupersededError."""
        return await self.outside.store.transact(lambda records: work(records, self.mine(records)))

    async def evolve(self, **changes: object) -> Dataset:
        """Change the dataset's fields."""

        def apply(records: Records, dataset: Dataset) -> Dataset:
            changed = dataset.evolve(**changes)
            records.put_dataset(changed)
            return changed

        return await self.change(apply)

    async def connector(self) -> Connector | None:
        """The dataset's connector, None when it has none (yet, or any more)."""

        def look(records: Records) -> Connector | None:
            dataset = self.mine(records)
            return records.connector(dataset.connector_id) if dataset.connector_id else None

        return await self.outside.store.read(look)

    async def handled(self) -> tuple[str, Mark, Connector]:
        """The connector's handle and mark, with the platform proved to be the one that gave the handle.

        To be asked once the step `connect` has kept the handle. Raises PlatformMismatchError.
        """
        connector = await self.connector()
        assert connector is not None  # noqa: S101 - a step after `connect`, or an undo that has looked
        assert connector.handle is not None  # noqa: S101 - the same
        await same_platform(self.outside.platform, connector)
        return connector.handle, await self.mark(), connector

    async def mark(self) -> Mark:
        """How the platform knows what is ours."""
        installation = await self.outside.store.read(lambda records: records.installation)
        return Mark(installation=installation, dataset_id=self.dataset_id)

    async def keep(self, **changes: object) -> Connector:
        """Change the connector's row."""

        def apply(records: Records, dataset: Dataset) -> Connector:
            changed = replace(connected(records, dataset), **changes)  # type: ignore[arg-type] # the caller names the row's own fields
            records.put_connector(changed)
            return changed

        return await self.change(apply)

    def report(self, step: str, done: int = 0, total: int | None = None, message: str = "") -> None:
        """Show how far this saga is; may be called from any thread."""
        self.outside.store.report(
            self.dataset_id,
            Progress(step=step, done=done, total=total, message=message or f"{step} …", saga_id=self.saga_id),
        )


def connected(records: Records, dataset: Dataset) -> Connector:
    """The connector of a dataset whose saga has made it or found it."""
    connector = records.connector(dataset.connector_id or "")
    assert connector is not None  # noqa: S101 - rows of connectors are never deleted
    return connector


async def same_platform(platform: Platform, connector: Connector) -> None:
    """Raises PlatformMismatchError when another platform or tenant answers than gave the connector's handle.

    One that did not say its tenant then is known by the rest: our mark in the datasource is looked at all the same.
    """
    now = await platform.fingerprint()
    was = connector.fingerprint
    if now != (replace(was, tenant=now.tenant) if was.tenant is None else was):
        raise PlatformMismatchError(
            f"The connector {connector.name} was made at {was.url} (tenant {was.tenant}, {was.dialect} dialect); "
            f"what answers now is {now.url} (tenant {now.tenant}, {now.dialect} dialect)."
        )


def sites(outside: Outside, dataset: Dataset) -> Mapping[DatasetType, str]:
    """Where this client's copies of each type stand: the base of document URLs and of links between records."""
    settings = {
        each: outside.connectors.settings(each, dataset.stage, dataset.client_id) for each in DatasetType
    }
    return connectors.sites(settings, client_id=dataset.client_id, stage=dataset.stage)
