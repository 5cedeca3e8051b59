"""Looking at datasets, and judging one's quality again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from domain import quality
from domain.audit import note, tell
from domain.errors import (
    InvalidArgumentError,
    QualityChecksPendingError,
    UnknownConnectorError,
)
from domain.job import PAGE_BYTES, PAGE_COUNT, same_platform, sites
from domain.model import Journey, Recheck
from domain.provisioning import evaluated, provisioned
from domain.readiness import readiness
from domain.running import changeable_dataset, known_dataset, progress_of
from domain.vocabulary import DatasetStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.callers import Caller
    from domain.events import Event
    from domain.job import Outside
    from domain.model import Connector, Content, Dataset, Progress, QualityReport, Undo, Unreadable
    from domain.ports import Json
    from domain.records import DatasetQuery, Records

_DEADLINE: Final = timedelta(minutes=15)
_JUDGED: Final = frozenset({DatasetStatus.READY, DatasetStatus.VALIDATING})
_EVENTS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One dataset with everything that is known about it."""

    dataset: Dataset
    journey: Journey | Unreadable | None
    connector: Connector | None
    archive: Json | None
    progress: Progress | None
    undos: Sequence[Undo]
    events: Sequence[tuple[int, Event]]


class Datasets:
    """Lists, shows and re-judges datasets."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def list(self, query: DatasetQuery, caller: Caller) -> list[Dataset]:
        """A page of datasets in order of id, of the clients that the caller may touch."""

        def look(records: Records) -> list[Dataset]:
            seen: list[Dataset] = []
            rest = query
            while page := records.datasets(rest):
                seen += [each for each in page if caller.may_touch(each.client_id)]
                if len(seen) >= query.limit:
                    break
                rest = replace(rest, after=page[-1].dataset_id)
            return seen[: query.limit]

        return await self._outside.store.read(look)

    async def show(self, dataset_id: str, caller: Caller) -> Shown:
        """A dataset with its journey, connector, archive, and its last fifty events. Raises UnknownDatasetError."""
        now = self._outside.clock.now()

        def look(records: Records) -> Shown:
            dataset = known_dataset(records, dataset_id, caller)
            journey = records.journey(dataset.client_id, dataset.journey_id)
            return Shown(
                dataset=dataset,
                journey=journey.at(now) if isinstance(journey, Journey) else journey,
                connector=records.connector(dataset.connector_id) if dataset.connector_id else None,
                archive=records.archive(dataset_id),
                progress=progress_of(records, dataset),
                undos=records.undos(dataset_id),
                events=records.events(dataset_id=dataset_id, limit=_EVENTS),
            )

        return await self._outside.store.read(look)

    async def recheck(self, dataset_id: str, caller: Caller, saga_id: str | None = None) -> Dataset:
        """Read what is staged and ask the platform again; only a changed verdict changes the status.

        A saga gives its id, and so goes on with the re-check that it began in a process which died, or finds that it
        was done there.
        Raises InvalidArgumentError for a dataset that is neither READY nor VALIDATING or that a saga works on,
        QualityChecksPendingError while another re-check runs, and what the platform or the staging area raises.
        """
        recheck = Recheck(
            requested_at=self._outside.clock.now(),
            deadline=self._outside.clock.now() + _DEADLINE,
            saga_id=saga_id,
        )

        def claim(records: Records) -> tuple[Dataset, Content | None]:
            dataset = changeable_dataset(records, dataset_id, caller)
            if saga_id is not None and dataset.rechecked_by == saga_id:
                return dataset, None
            if dataset.status not in _JUDGED or dataset.run is not None or dataset.content is None:
                raise InvalidArgumentError(
                    f"{dataset.name} is {dataset.status}; only a settled dataset is checked again.",
                    field="dataset_id",
                )
            if _pending(dataset.recheck, recheck):
                raise QualityChecksPendingError(f"A re-check of {dataset.name} is running.", retry_after_s=5)
            records.put_dataset(dataset.evolve(recheck=recheck))
            note(records, caller, "re-check begun", dataset=dataset)
            return dataset, dataset.content

        dataset, content = await self._outside.store.transact(claim)
        if content is None:
            return dataset
        try:
            report = await self._judged(dataset, content)
        except BaseException:
            await self._settle(dataset, recheck, None)
            raise
        return await self._settle(dataset, recheck, report)

    async def _judged(self, dataset: Dataset, content: Content) -> QualityReport:
        again = partial(
            quality.recheck,
            content=content,
            dataset_type=dataset.dataset_type,
            sites=sites(self._outside, dataset),
            now=self._outside.clock.now(),
        )
        report = await self._outside.staging.examine(
            dataset.dataset_id, content.attempt, again, max_count=PAGE_COUNT, max_bytes=PAGE_BYTES
        )
        connector = await self._outside.store.read(
            lambda records: records.connector(dataset.connector_id or "")
        )
        if connector is None or connector.handle is None:
            raise UnknownConnectorError(f"{dataset.name} has no connector to ask.", field="dataset_id")
        await same_platform(self._outside.platform, connector)
        seen = await self._outside.platform.observe(connector.handle)
        gated = quality.gate(report, indexed=seen.indexed, pushed=content.record_count)
        return replace(gated, readiness=await readiness(self._outside, dataset, connector.name))

    async def _settle(self, dataset: Dataset, recheck: Recheck, report: QualityReport | None) -> Dataset:
        now = self._outside.clock.now()

        def settle(records: Records) -> Dataset:
            held = records.dataset(dataset.dataset_id) or dataset
            if held.recheck != recheck:
                return held
            changed = held.evolve(recheck=None)
            if report is not None and held.content == dataset.content and held.status in _JUDGED:
                passed = quality.passes(report)
                changed = changed.evolve(
                    quality=replace(report, evaluated_at=now),
                    rechecked_by=recheck.saga_id,
                    status=DatasetStatus.READY if passed else DatasetStatus.VALIDATING,
                    failure=None if passed else held.failure,
                )
                tell(records, evaluated(changed, now))
                if changed.status is DatasetStatus.READY and held.status is not DatasetStatus.READY:
                    tell(records, provisioned(changed, now))
            records.put_dataset(changed)
            return changed

        # Also when the caller has gone: the mark would hold up a teardown until its deadline.
        return await self._outside.store.transact(settle, regardless=True)


def _pending(held: Recheck | None, asked: Recheck) -> bool:
    if held is None or held.deadline <= asked.requested_at:
        return False
    return held.saga_id is None or held.saga_id != asked.saga_id
