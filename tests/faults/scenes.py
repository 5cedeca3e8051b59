"""The situations in which a fault can strike: each prepared once, copied for every case, and acted out."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import anyio.lowlevel

from domain.errors import LifecycleError
from domain.job import Policy
from domain.model import Dataset, Mark
from domain.records import DatasetQuery
from domain.vocabulary import DatasetType, TeardownReason
from server.adapters.engine.inline import Entry
from server.sandbox.faults import Fault
from server.sandbox.serve import EmbeddedSandbox
from tests.faults.speaking import ADAPTERS, ADMIN, CLIENTS, INDEXING, dialect_of
from tests.gleaning import line, served, small_pages
from tests.repository import confluence_page, write_repository, write_template
from tests.world import Shifted, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.world import Process

    Act = Callable[[Process], Awaitable[Dataset]]

NAME: Final = "acme-Sandbox-Confluence"
FOREIGN: Final = f"{NAME}-2"
"""A datasource of somebody else's, whose name begins as ours does; it must never be touched."""
OLD: Final = range(12)
NEW: Final = range(50, 58)
"""The numbers of the pages of the first content, and of the one that a retry brings."""


class Ticking(Shifted):
    """A clock that only waiting moves, and at once; the sandbox goes by it too, so every run makes the same calls."""

    def __init__(self) -> None:
        super().__init__()
        self._began = datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)
        await anyio.lowlevel.checkpoint()

    def now(self) -> datetime:
        return self._began + self.ahead


_FAILING: Final = {
    ADMIN: (("documents.upload", 422), ("datasources.delete", 503)),
    INDEXING: (("bulkindexdocuments", 422),),
}
"""What has a push fail, and what was made not go away."""
_PATIENT: Final = Policy(sync_deadline=timedelta(seconds=10), stop_deadline=timedelta(seconds=10))
_IMPATIENT: Final = Policy(sync_deadline=timedelta(seconds=0.2), stop_deadline=timedelta(seconds=10))
"""Shorter than a caller's wait, which goes by the same clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A situation: what was before (`prepare`), what is done under the fault (`act`), and again once it is cleared.

    `standing` goes wrong beside the fault, so that the calls by which a saga takes things back are made at all.
    """

    name: str
    prepare: Callable[[World, Process], Awaitable[None]]
    act: Act
    again: Act
    standing: tuple[Fault, ...] = ()
    policy: Policy = _PATIENT
    dialect: str = ADMIN


@dataclass(slots=True)
class Prepared:
    """A scene's folder, with the sagas that ended in it."""

    folder: Path
    journal: dict[str, Entry] = field(default_factory=dict)
    dialect: str = ADMIN


async def _arrived(place: World, process: Process) -> None:
    await process.arrive()


async def _short(place: World, process: Process) -> None:
    """VALIDATING with old content that lacks three documents; a retry will bring other records."""
    await process.arrive()
    place.glean.faults.add(Fault(kind="sync_loses", documents=3))
    await process.provision()
    write_template(
        place.repository, DatasetType.CONFLUENCE_PAGES, [confluence_page(number) for number in NEW]
    )


async def _flawed(place: World, process: Process) -> None:
    """VALIDATING, for a third of the records had no title; a retry will bring other records."""
    await process.arrive()
    pages = [confluence_page(number) | ({} if number % 3 else {"title": ""}) for number in OLD]
    write_template(place.repository, DatasetType.CONFLUENCE_PAGES, pages)
    await process.provision()
    write_template(
        place.repository, DatasetType.CONFLUENCE_PAGES, [confluence_page(number) for number in NEW]
    )


async def _failed(place: World, process: Process) -> None:
    """FAILED, and the datasource that it made could not be removed."""
    await process.arrive()
    for operation, status in _FAILING[dialect_of(place)]:
        place.glean.faults.add(Fault(kind="status", operation=operation, status=status, times=None))
    assert isinstance(await told(process.provision()), LifecycleError)


async def _done_with(place: World, process: Process) -> None:
    """READY, and the journey is over."""
    await process.arrive()
    await process.provision()
    await process.complete()


async def _provision(process: Process) -> Dataset:
    return await process.provision()


async def _retry(process: Process) -> Dataset:
    return await process.provision(retry=True)


async def _hung(place: World, process: Process) -> None:
    """READY, the journey over, and a sync that somebody began will never end."""
    await _done_with(place, process)
    dataset = await the_dataset(process)
    connector = await process.outside.store.read(
        lambda records: records.connector(dataset.connector_id or "")
    )
    installation = await process.outside.store.read(lambda records: records.installation)
    assert connector is not None
    assert connector.handle is not None
    mark = Mark(installation=installation, dataset_id=dataset.dataset_id)
    pages = process.outside.staging.pages(dataset.dataset_id, 1, max_count=100, max_bytes=1 << 20)
    place.glean.faults.add(Fault(kind="sync_hangs"))
    await process.outside.platform.push(connector.handle, mark, "by-hand", pages, lambda _: None)
    await process.outside.platform.sync(connector.handle, mark, "by-hand")


async def _tear_down(process: Process) -> Dataset:
    return await process.tear_down(await the_dataset(process))


async def _tear_down_failed(process: Process) -> Dataset:
    return await process.tear_down(await the_dataset(process), TeardownReason.PROVISION_FAILED)


ADMIN_SCENES: Final = {
    scene.name: scene
    for scene in (
        Scene(name="provision", prepare=_arrived, act=_provision, again=_retry),
        Scene(name="retry", prepare=_short, act=_retry, again=_retry),
        Scene(name="second attempt", prepare=_failed, act=_retry, again=_retry),
        Scene(
            name="undoing a provision",
            prepare=_arrived,
            act=_provision,
            again=_retry,
            standing=(Fault(kind="sync_hangs"),),
            policy=_IMPATIENT,
        ),
        Scene(
            name="undoing a retry",
            prepare=_short,
            act=_retry,
            again=_retry,
            standing=(Fault(kind="sync_hangs"),),
            policy=_IMPATIENT,
        ),
        Scene(name="teardown", prepare=_done_with, act=_tear_down, again=_tear_down),
        Scene(name="teardown while a sync hangs", prepare=_hung, act=_tear_down, again=_tear_down),
        Scene(
            name="teardown of a failed one", prepare=_failed, act=_tear_down_failed, again=_tear_down_failed
        ),
    )
}
INDEXING_SCENES: Final = {
    f"{INDEXING}: {scene.name}": replace(
        scene,
        name=f"{INDEXING}: {scene.name}",
        dialect=INDEXING,
        prepare=_flawed if scene.prepare is _short else scene.prepare,
    )
    for scene in ADMIN_SCENES.values()
}
SCENES: Final = {**ADMIN_SCENES, **INDEXING_SCENES}


async def prepared(scene: Scene, folder: Path) -> Prepared:
    """Act out what was before."""
    write_repository(folder / "repository", records=len(OLD))
    ready = Prepared(folder, dialect=scene.dialect)
    async with opened(ready, later=timedelta()) as place:
        place.glean.turn(limits_rate=False)
        async with CLIENTS[scene.dialect](place.sandbox) as theirs:
            mark = Mark(installation="another-installation", dataset_id="acme-sandbox-confluence-aaaaaa")
            place.glean.set_rate(1_000_000, minimum_seconds=0)
            await served(theirs, "run-1", [line(number) for number in range(3)], FOREIGN, mark)
            place.glean.set_rate(1_000_000, minimum_seconds=0.04)
        async with place.process() as process:
            await scene.prepare(place, process)
        place.glean.faults.clear()
    return ready


@asynccontextmanager
async def opened(
    ready: Prepared, policy: Policy | None = None, *, later: timedelta = timedelta(hours=1)
) -> AsyncIterator[World]:
    """The folder with its sandbox running, an hour after it was prepared."""
    clock = Ticking()
    clock.ahead = later
    with small_pages():
        async with EmbeddedSandbox(ready.folder / "glean.sqlite", now=clock.now) as sandbox:
            sandbox.sandbox.set_rate(1_000_000, minimum_seconds=0.04)
            yield World(
                folder=ready.folder,
                sandbox=sandbox,
                clock=clock,
                journal=ready.journal,
                policy=policy or Policy(),
                dialect=ADAPTERS[ready.dialect],
                waits=0.0001,
                timeout_s=10,
            )


def copied(ready: Prepared, folder: Path) -> Prepared:
    """A copy to spoil."""
    shutil.copytree(ready.folder, folder, dirs_exist_ok=True)
    journal = {
        name: Entry(each.kind, each.dataset_id, dict(each.steps), each.ended)
        for name, each in ready.journal.items()
    }
    return Prepared(folder, journal, ready.dialect)


async def told(work: Awaitable[Dataset]) -> Dataset | LifecycleError:
    """What a caller gets: the dataset, or the error."""
    try:
        return await work
    except LifecycleError as error:
        return error


async def datasets(process: Process) -> list[Dataset]:
    """All there are."""
    return await process.outside.store.read(lambda records: records.datasets(DatasetQuery()))


async def the_dataset(process: Process) -> Dataset:
    """The only dataset there is."""
    [dataset] = await datasets(process)
    return dataset
