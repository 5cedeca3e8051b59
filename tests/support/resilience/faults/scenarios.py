"""The situations in which a fault can strike: each prepared once, copied for every case, and acted out."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import anyio.lowlevel

from domain.errors import LifecycleError
from domain.model.connector import OwnerTag
from domain.model.enums import DatasetType, TeardownReason
from domain.model.settings import LifecycleSettings
from domain.ports import DatasetQuery
from tests.support.content.template_repository import confluence_page, write_repository, write_template
from tests.support.glean.datasources import serve_run, staged_line, use_small_pages
from tests.support.inline_engine import JournalEntry
from tests.support.resilience.faults.dialect_names import ADAPTERS, ADMIN, CLIENTS, INDEXING, dialect_of
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.faults import Fault
from tests.support.world import ShiftedClock, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from domain.model.dataset import Dataset
    from tests.support.world import Process

    Act = Callable[[Process], Awaitable[Dataset]]

NAME: Final = "acme-Sandbox-Confluence"
FOREIGN: Final = f"{NAME}-2"
"""A datasource of somebody else's, whose name begins as ours does; it must never be touched."""
OLD: Final = range(12)
NEW: Final = range(50, 58)
"""The numbers of the pages of the first content, and of the one that a retry brings."""


class WaitingClock(ShiftedClock):
    """A clock that only waiting moves, and at once; the sandbox goes by it too, so every run makes the same calls."""

    def __init__(self) -> None:
        super().__init__()
        self._began = datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)
        await anyio.lowlevel.checkpoint()

    def now(self) -> datetime:
        return self._began + self.ahead

    def monotonic(self) -> float:
        return self.ahead.total_seconds()


_FAILING: Final = {
    ADMIN: (("documents.upload", 422), ("datasources.delete", 503)),
    INDEXING: (("bulkindexdocuments", 422),),
}
"""What has a push fail, and what was made not go away."""
_REFUSED: Final = {ADMIN: "datasources.create", INDEXING: "adddatasource"}
"""What makes a connector in Glean."""
_PATIENT: Final = LifecycleSettings(sync_deadline=timedelta(seconds=10), stop_deadline=timedelta(seconds=10))
_IMPATIENT: Final = LifecycleSettings(
    sync_deadline=timedelta(seconds=0.2), stop_deadline=timedelta(seconds=10)
)
"""Shorter than a caller's wait, which goes by the same clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A situation: what was before (`prepare`), what is done under the fault (`act`), and again once it is cleared.

    `standing` goes wrong beside the fault, so that the calls by which a saga takes things back are made at all.
    """

    name: str
    prepare: Callable[[World, Process], Awaitable[None]]
    act: Act
    again: Act
    standing_faults: tuple[Fault, ...] = ()
    policy: LifecycleSettings = _PATIENT
    dialect: str = ADMIN


@dataclass(slots=True)
class PreparedScenario:
    """A scene's folder, with the sagas that ended in it."""

    folder: Path
    journal: dict[str, JournalEntry] = field(default_factory=dict)
    dialect: str = ADMIN


async def _prepare_client(place: World, process: Process) -> None:
    await process.add_client_and_journey()


async def _prepare_missing_documents(place: World, process: Process) -> None:
    """VALIDATING with old content that lacks three documents; a retry will bring other records."""
    await process.add_client_and_journey()
    place.glean.faults.add(Fault(kind="sync_loses", documents=3))
    await process.provision()
    write_template(
        place.repository, DatasetType.CONFLUENCE_PAGES, [confluence_page(number) for number in NEW]
    )


async def _prepare_flawed_records(place: World, process: Process) -> None:
    """VALIDATING, for a third of the records had no title; a retry will bring other records."""
    await process.add_client_and_journey()
    pages = [confluence_page(number) | ({} if number % 3 else {"title": ""}) for number in OLD]
    write_template(place.repository, DatasetType.CONFLUENCE_PAGES, pages)
    await process.provision()
    write_template(
        place.repository, DatasetType.CONFLUENCE_PAGES, [confluence_page(number) for number in NEW]
    )


async def _prepare_failed_provision(place: World, process: Process) -> None:
    """FAILED, and the datasource that it made could not be removed."""
    await process.add_client_and_journey()
    for operation, status in _FAILING[dialect_of(place)]:
        place.glean.faults.add(Fault(kind="status", operation=operation, status=status, times=None))
    assert isinstance(await result_or_error(process.provision()), LifecycleError)


async def _prepare_unconnected_provision(place: World, process: Process) -> None:
    """FAILED, and Glean never had a datasource of it."""
    await process.add_client_and_journey()
    operation = _REFUSED[dialect_of(place)]
    place.glean.faults.add(Fault(kind="status", operation=operation, status=422, times=None))
    assert isinstance(await result_or_error(process.provision()), LifecycleError)


async def _prepare_finished_journey(place: World, process: Process) -> None:
    """READY, and the journey is over."""
    await process.add_client_and_journey()
    await process.provision()
    await process.complete_journey()


async def _provision(process: Process) -> Dataset:
    return await process.provision()


async def _retry(process: Process) -> Dataset:
    return await process.provision(retry=True)


async def _prepare_hanging_sync(place: World, process: Process) -> None:
    """READY, the journey over, and a sync that somebody began will never end."""
    await _prepare_finished_journey(place, process)
    dataset = await load_only_dataset(process)
    connector = await process.deps.store.read(lambda uow: uow.connectors.get(dataset.connector_id or ""))
    installation = await process.deps.store.read(lambda uow: uow.installation)
    assert connector is not None
    assert connector.handle is not None
    mark = OwnerTag(installation=installation, dataset_id=dataset.dataset_id)
    pages = process.deps.staging.iterate_pages(dataset.dataset_id, 1, max_count=100, max_bytes=1 << 20)
    place.glean.faults.add(Fault(kind="sync_hangs"))
    await process.deps.platform.push(connector.handle, mark, "by-hand", pages, lambda _: None)
    await process.deps.platform.start_sync(connector.handle, mark, "by-hand")


async def _tear_down(process: Process) -> Dataset:
    return await process.tear_down(await load_only_dataset(process))


async def _tear_down_failed(process: Process) -> Dataset:
    return await process.tear_down(await load_only_dataset(process), TeardownReason.PROVISION_FAILED)


ADMIN_SCENARIOS: Final = {
    scene.name: scene
    for scene in (
        Scenario(name="provision", prepare=_prepare_client, act=_provision, again=_retry),
        Scenario(name="retry", prepare=_prepare_missing_documents, act=_retry, again=_retry),
        Scenario(name="second attempt", prepare=_prepare_failed_provision, act=_retry, again=_retry),
        Scenario(
            name="undoing a provision",
            prepare=_prepare_client,
            act=_provision,
            again=_retry,
            standing_faults=(Fault(kind="sync_hangs"),),
            policy=_IMPATIENT,
        ),
        Scenario(
            name="undoing a retry",
            prepare=_prepare_missing_documents,
            act=_retry,
            again=_retry,
            standing_faults=(Fault(kind="sync_hangs"),),
            policy=_IMPATIENT,
        ),
        Scenario(name="teardown", prepare=_prepare_finished_journey, act=_tear_down, again=_tear_down),
        Scenario(
            name="teardown while a sync hangs",
            prepare=_prepare_hanging_sync,
            act=_tear_down,
            again=_tear_down,
        ),
        Scenario(
            name="teardown of a failed one",
            prepare=_prepare_failed_provision,
            act=_tear_down_failed,
            again=_tear_down_failed,
        ),
        Scenario(
            name="teardown of one that never had a connector",
            prepare=_prepare_unconnected_provision,
            act=_tear_down_failed,
            again=_tear_down_failed,
        ),
    )
}
INDEXING_SCENARIOS: Final = {
    f"{INDEXING}: {scene.name}": replace(
        scene,
        name=f"{INDEXING}: {scene.name}",
        dialect=INDEXING,
        prepare=_prepare_flawed_records if scene.prepare is _prepare_missing_documents else scene.prepare,
    )
    for scene in ADMIN_SCENARIOS.values()
}
SCENARIOS: Final = dict(
    sorted({**ADMIN_SCENARIOS, **INDEXING_SCENARIOS}.items(), key=lambda each: "never had" in each[0])
)
"""The kinds of faults take turns by this order, so what is new comes last."""


async def prepare_scenario(scene: Scenario, folder: Path) -> PreparedScenario:
    """Act out what was before."""
    write_repository(folder / "repository", records=len(OLD))
    ready = PreparedScenario(folder, dialect=scene.dialect)
    async with open_scenario(ready, later=timedelta()) as place:
        place.glean.set_switches(limits_rate=False)
        async with CLIENTS[scene.dialect](place.sandbox) as theirs:
            mark = OwnerTag(installation="another-installation", dataset_id="acme-sandbox-confluence-aaaaaa")
            place.glean.set_indexing_rate(1_000_000, minimum_seconds=0)
            await serve_run(theirs, "run-1", [staged_line(number) for number in range(3)], FOREIGN, mark)
            place.glean.set_indexing_rate(1_000_000, minimum_seconds=0.04)
        async with place.open_process() as process:
            await scene.prepare(place, process)
        place.glean.faults.clear()
    return ready


@asynccontextmanager
async def open_scenario(
    ready: PreparedScenario, policy: LifecycleSettings | None = None, *, later: timedelta = timedelta(hours=1)
) -> AsyncIterator[World]:
    """The folder with its sandbox running, an hour after it was prepared."""
    clock = WaitingClock()
    clock.ahead = later
    with use_small_pages():
        async with EmbeddedSandbox(ready.folder / "glean.sqlite", now=clock.now) as sandbox:
            sandbox.sandbox.set_indexing_rate(1_000_000, minimum_seconds=0.04)
            yield World(
                folder=ready.folder,
                sandbox=sandbox,
                clock=clock,
                journal=ready.journal,
                policy=policy or LifecycleSettings(),
                dialect=ADAPTERS[ready.dialect],
                waits=0.0001,
                timeout_s=10,
            )


def copy_scenario(ready: PreparedScenario, folder: Path) -> PreparedScenario:
    """A copy to spoil."""
    shutil.copytree(ready.folder, folder, dirs_exist_ok=True)
    journal = {
        name: JournalEntry(each.kind, each.dataset_id, dict(each.steps), each.ended)
        for name, each in ready.journal.items()
    }
    return PreparedScenario(folder, journal, ready.dialect)


async def result_or_error(work: Awaitable[Dataset]) -> Dataset | LifecycleError:
    """What a caller gets: the dataset, or the error."""
    try:
        return await work
    except LifecycleError as error:
        return error


async def load_datasets(process: Process) -> list[Dataset]:
    """All there are."""
    return await process.deps.store.read(lambda uow: uow.datasets.find(DatasetQuery()))


async def load_only_dataset(process: Process) -> Dataset:
    """The only dataset there is."""
    [dataset] = await load_datasets(process)
    return dataset
