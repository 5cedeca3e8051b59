"""Four situations in which a fault can strike: each prepared once, copied for every case, and acted out."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from domain.errors import LifecycleError
from domain.model import Dataset, DatasetType, Mark
from domain.ports import DatasetQuery
from server.adapters.engine.inline import Entry
from server.sandbox.faults import Fault
from server.sandbox.serve import EmbeddedSandbox
from tests.gleaning import admin, line, served
from tests.repository import confluence_page, write_repository, write_template
from tests.world import World

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


@dataclass(frozen=True, slots=True)
class Scene:
    """A situation: what was before (`prepare`), what is done under the fault (`act`), and again once it is cleared."""

    name: str
    prepare: Callable[[World, Process], Awaitable[None]]
    act: Act
    again: Act


@dataclass(slots=True)
class Prepared:
    """A scene's folder, with the sagas that ended in it."""

    folder: Path
    journal: dict[str, Entry] = field(default_factory=dict)


async def _arrived(place: World, process: Process) -> None:
    await process.arrive()


async def _short(place: World, process: Process) -> None:
    """VALIDATING with old content that lacks three documents; a retry will bring other records."""
    await process.arrive()
    place.glean.faults.add(Fault(kind="sync_loses", documents=3))
    await process.provision()
    write_template(place.repository, DatasetType.CONFLUENCE_PAGES, [confluence_page(number) for number in NEW])


async def _failed(place: World, process: Process) -> None:
    """FAILED, and the datasource that it made could not be removed."""
    await process.arrive()
    place.glean.faults.add(Fault(kind="status", operation="documents.upload", status=422, times=None))
    place.glean.faults.add(Fault(kind="status", operation="datasources.delete", status=503, times=None))
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


async def _tear_down(process: Process) -> Dataset:
    return await process.tear_down(await the_dataset(process))


SCENES: Final = {
    scene.name: scene
    for scene in (
        Scene("provision", _arrived, _provision, _retry),
        Scene("retry", _short, _retry, _retry),
        Scene("second attempt", _failed, _retry, _retry),
        Scene("teardown", _done_with, _tear_down, _tear_down),
    )
}


async def prepared(scene: Scene, folder: Path) -> Prepared:
    """Act out what was before."""
    write_repository(folder / "repository", records=len(OLD))
    ready = Prepared(folder)
    async with opened(ready) as place:
        async with admin(place.sandbox) as theirs:
            mark = Mark(installation="another-installation", dataset_id="acme-sandbox-confluence-aaaaaa")
            await served(theirs, "run-1", [line(number) for number in range(3)], FOREIGN, mark)
        async with place.process() as process:
            await scene.prepare(place, process)
        place.glean.faults.clear()
    return ready


@asynccontextmanager
async def opened(ready: Prepared) -> AsyncIterator[World]:
    """The folder with its sandbox running."""
    async with EmbeddedSandbox(ready.folder / "glean.sqlite") as sandbox:
        sandbox.sandbox.set_rate(1_000_000, minimum_seconds=0)
        yield World(folder=ready.folder, sandbox=sandbox, journal=ready.journal, waits=0.0001, timeout_s=10)


def copied(ready: Prepared, folder: Path) -> Prepared:
    """A copy to spoil."""
    shutil.copytree(ready.folder, folder, dirs_exist_ok=True)
    journal = {
        name: Entry(each.kind, each.dataset_id, dict(each.steps), each.ended)
        for name, each in ready.journal.items()
    }
    return Prepared(folder, journal)


async def told(work: Awaitable[Dataset]) -> Dataset | LifecycleError:
    """What a caller gets: the dataset, or the error."""
    try:
        return await work
    except LifecycleError as error:
        return error


async def the_dataset(process: Process) -> Dataset:
    """The only dataset there is."""
    [dataset] = await process.outside.store.read(lambda records: records.datasets(DatasetQuery()))
    return dataset
