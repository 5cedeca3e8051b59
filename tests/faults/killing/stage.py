"""Scenes prepared once, copied for every death, acted, and finished by another process."""

from __future__ import annotations

import json
import shutil
import signal
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from server.sandbox.sandbox import Sandbox
from server.settings import load
from server.wiring import sandbox_path, store_of
from tests import pictures
from tests.faults.killing.busy import calm
from tests.faults.killing.death import Point
from tests.faults.killing.indexing_scenes import SCENES
from tests.postgres import name_of
from tests.receivers import SECRET, Receiver
from tests.repository import write_repository
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from server.settings import Settings
    from tests.faults.killing.born import Born, Zygote
    from tests.faults.killing.gleans import Gleans
    from tests.faults.killing.matrix import Asked, Case
    from tests.pictures import Picture
    from tests.postgres import Cluster

SQLITE, POSTGRES = "sqlite", "postgres"
NEW, SURVIVING = "new", "surviving"
HOOK: Final = "hook"
NOBODY_DIED: Final = "nobody died there"
_LONG_S: Final = 120.0


@dataclass(frozen=True)
class Place:
    """A data folder with what belongs to it: a repository, perhaps a database, and a Glean of its own."""

    folder: Path
    scene: str
    environ: dict[str, str]
    zygote: Zygote
    receiver: Receiver | None = None

    @property
    def settings(self) -> Settings:
        """What every process on it goes by."""
        config = Path(self._config) if self._config else None
        return load(self.environ, data_dir=self.folder / "data", config_path=config)

    def fork(self, verb: str, **told: str | int) -> Born:
        """A process on it."""
        return self.zygote.fork(
            self.folder, verb, scene=self.scene, environ=self.environ, config=self._config, **told
        )

    def diary(self) -> list[tuple[int, Point]]:
        """Which process ran which step, in order, those included that were never recorded."""
        path = self.folder / "diary"
        lines = path.read_text().splitlines() if path.exists() else []
        return [_read(line) for line in lines]

    def requests(self) -> list[tuple[int, int]]:
        """Which process made which of its changes in Glean, as far as they were counted."""
        path = self.folder / "requests"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(pid), int(number)) for pid, number, _ in map(str.split, lines)]

    def log(self) -> str:
        """What the processes wrote."""
        return (self.folder / "log").read_text()

    async def still(self) -> None:
        """Return when nothing is left to do."""
        async with store_of(self.settings) as store:
            await calm(self.settings, store)

    async def picture(self) -> Picture:
        """The whole world of it."""
        settings = self.settings
        with Sandbox.open(sandbox_path(settings)) as glean:
            async with store_of(settings) as store:
                return await pictures.picture(
                    store, glean, settings.staging.url, settings.archival.storage_path
                )

    @property
    def _config(self) -> str:
        if self.receiver is None:
            return ""
        path = self.folder / "config.yaml"
        hook = {"name": HOOK, "url": self.receiver.url, "secrets": [SECRET]}
        path.write_text(json.dumps({"dataops": {"events": {"webhooks": [hook], "first_retry_s": 0.05}}}))
        return str(path)


@dataclass(frozen=True)
class Ending:
    """How a case ended: the world, what the webhook heard first of each event, the steps, the changes in Glean."""

    picture: Picture
    heard: list[object]
    steps: list[Point]
    requests: int
    log: str


@dataclass
class Stage:
    """What every case needs."""

    zygote: Zygote
    gleans: Gleans
    cluster: Cluster
    bare: str
    folder: Callable[[], Path]
    _prepared: dict[tuple[str, str], tuple[Path, str]] = field(default_factory=dict)
    _calm: dict[str, Ending] = field(default_factory=dict)

    async def calm(self, scene: str) -> Ending:
        """How the scene ends when nobody dies; acted on SQLite, for the database must make no difference."""
        if scene not in self._calm:
            async with self._copied(scene, SQLITE) as place:
                acting = place.fork("act")
                assert await acting.ended() == 0, place.log()
                self._calm[scene] = await _ending(place)
        return self._calm[scene]

    async def ready(self, case: Case | Asked) -> None:
        """Prepare what cases like this one are copied from, and act it in calm."""
        await self.calm(case.scene)
        await self._original(case.scene, case.database)

    async def killed(self, case: Case | Asked) -> Ending | str:
        """How it ends when the process that acts is killed as the case says, and another takes up what it left.

        A case that did not come to that gives words.
        """
        async with self._copied(case.scene, case.database) as place:
            try:
                failed = await _died_and_finished(place, case)
            except TimeoutError:
                failed = "it never ended"
            return f"{failed}\n{place.diary()}\n{place.log()}" if failed else await _ending(place)

    @asynccontextmanager
    async def _copied(self, scene: str, database: str) -> AsyncIterator[Place]:
        original, template = await self._original(scene, database)
        folder = self.folder()
        shutil.copytree(original / "data", folder / "data")
        shutil.copytree(original / "repository", folder / "repository")
        async with self._opened(folder, scene, database, template) as place:
            with Sandbox.open(sandbox_path(place.settings)) as glean:
                for fault in SCENES[scene].faults:
                    glean.faults.add(fault)
            yield place
        shutil.rmtree(folder)

    async def _original(self, scene: str, database: str) -> tuple[Path, str]:
        if (scene, database) not in self._prepared:
            self._prepared[scene, database] = await self._prepare(scene, database)
        return self._prepared[scene, database]

    async def _prepare(self, scene: str, database: str) -> tuple[Path, str]:
        folder = self.folder()
        write_repository(folder / "repository", records=12)
        (folder / "data").mkdir()
        template = self.bare if database == POSTGRES else ""
        async with self._opened(folder, scene, database, template, keep=True) as place:
            with Sandbox.open(sandbox_path(place.settings)) as glean:
                glean.set_rate(1_000_000, minimum_seconds=0.04)
                glean.turn(limits_rate=False)
            preparing = place.fork("prepare")
            assert await preparing.ended() == 0, place.log()
            return folder, name_of(place.environ.get("DATABASE_URL", ""))

    @asynccontextmanager
    async def _opened(
        self, folder: Path, scene: str, database: str, template: str, *, keep: bool = False
    ) -> AsyncIterator[Place]:
        environ = {
            "MOCK_DATA_REPO_PATH": str(folder / "repository"),
            "GLEAN_DIALECT": SCENES[scene].dialect,
        }
        async with AsyncExitStack() as stack:
            receiver = await stack.enter_async_context(Receiver().up()) if SCENES[scene].told else None
            place = Place(folder, scene, environ, self.zygote, receiver)
            if database == POSTGRES:
                environ["GLEAN_BASE_URL"] = self.gleans.url
                environ["GLEAN_API_KEY"] = stack.enter_context(
                    self.gleans.open(folder / "data" / "glean-sandbox.sqlite")
                )
                environ["DATABASE_URL"] = stack.enter_context(_database(self.cluster, template, keep=keep))
            yield place


async def _died_and_finished(place: Place, case: Case | Asked) -> str:
    """Have it happen; words for what did not go that way."""
    survivor = place.fork("idle") if case.resumed == SURVIVING else None
    if survivor:
        await eventually((place.folder / "idle").exists, _LONG_S)
    doomed = place.fork("act", **case.death)
    if await doomed.ended() != -signal.SIGKILL:
        return NOBODY_DIED
    if not case.died(place, doomed.pid.result()):
        return NOBODY_DIED
    if survivor is None:
        return "" if await place.fork("finish").ended() == 0 else "the next process failed"
    await place.still()
    if survivor.status.done():
        return "the survivor ended"
    survivor.kill()
    await survivor.ended()
    return ""


@contextmanager
def _database(cluster: Cluster, template: str, *, keep: bool) -> Iterator[str]:
    url = cluster.fresh(template)
    try:
        yield url
    finally:
        if not keep:
            cluster.drop(url)


async def _ending(place: Place) -> Ending:
    heard: dict[Any, object] = {}
    for message in place.receiver.heard if place.receiver else []:
        heard.setdefault(message["sequence"], message["type"])
    return Ending(
        picture=await place.picture(),
        heard=list(heard.items()),
        steps=[point for _, point in place.diary()],
        requests=len(place.requests()),
        log=place.log(),
    )


def _read(line: str) -> tuple[int, Point]:
    pid, _, point = line.partition(" ")
    kind, _, step = point.partition(":")
    return int(pid), Point(kind, step)
