"""Scenes prepared once, copied for every death, acted, and finished by another process."""

from __future__ import annotations

import json
import shutil
import signal
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from server.composition.glean.platform import sandbox_path
from server.composition.stores import build_store
from server.settings import load_settings
from tests.support import state_snapshot
from tests.support.content.production_export import KEY
from tests.support.content.template_repository import write_repository
from tests.support.polling import wait_for
from tests.support.resilience.faults.dialect_names import INDEXING
from tests.support.resilience.kills.processes.crash_points import CrashPoint
from tests.support.resilience.kills.processes.idle import wait_until_idle
from tests.support.resilience.kills.scenarios.indexing_scenarios import SCENARIOS
from tests.support.sandbox.control import Sandbox
from tests.support.stores.postgres_server import database_name
from tests.support.webhooks.receiver import SECRET, WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from server.settings import Settings
    from tests.support.resilience.kills.processes.fork_client import ForkedProcess, ForkServer
    from tests.support.resilience.kills.scenarios.case_matrix import RequestKillCase, StepKillCase
    from tests.support.resilience.kills.shared_sandbox import SharedSandbox
    from tests.support.state_snapshot import StateSnapshot
    from tests.support.stores.postgres_server import PostgresServer

SQLITE, POSTGRES = "sqlite", "postgres"
NEW, SURVIVING = "new", "surviving"
HOOK: Final = "hook"
NOBODY_DIED: Final = "nobody died there"
_LONG_S: Final = 120.0


@dataclass(frozen=True)
class CaseInstallation:
    """A data folder with what belongs to it: a repository, perhaps a database, and a Glean of its own."""

    folder: Path
    scene: str
    environ: dict[str, str]
    fork_server: ForkServer
    receiver: WebhookReceiver | None = None

    @property
    def settings(self) -> Settings:
        """What every process on it goes by."""
        config = Path(self._config) if self._config else None
        return load_settings(self.environ, data_dir=self.folder / "data", config_path=config)

    def fork_process(self, verb: str, **told: str | int) -> ForkedProcess:
        """A process on it."""
        return self.fork_server.fork(
            self.folder, verb, scene=self.scene, environ=self.environ, config=self._config, **told
        )

    def read_step_log(self) -> list[tuple[int, CrashPoint]]:
        """Which process ran which step, in order, those included that were never recorded."""
        path = self.folder / "diary"
        lines = path.read_text().splitlines() if path.exists() else []
        return [_parse_step_line(line) for line in lines]

    def read_request_log(self) -> list[tuple[int, int]]:
        """Which process made which of its changes in Glean, as far as they were counted."""
        path = self.folder / "requests"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(pid), int(number)) for pid, number, _ in map(str.split, lines)]

    def read_log(self) -> str:
        """What the processes wrote."""
        return (self.folder / "log").read_text()

    async def wait_until_idle(self) -> None:
        """Return when nothing is left to do."""
        async with build_store(self.settings) as store:
            await wait_until_idle(self.settings, store)

    async def take_snapshot(self) -> StateSnapshot:
        """The whole world of it."""
        settings = self.settings
        with Sandbox.open(sandbox_path(settings)) as glean:
            async with build_store(settings) as store:
                return await state_snapshot.take_snapshot(
                    store, glean, settings.staging.url, settings.archival.storage_path
                )

    @property
    def _config(self) -> str:
        dataops: dict[str, Any] = {}
        if self.receiver is not None:
            hook = {"name": HOOK, "url": self.receiver.url, "secrets": [SECRET]}
            dataops["events"] = {"webhooks": [hook], "first_retry_s": 0.05}
        if SCENARIOS[self.scene].sanitizes:
            export = str(self.folder / "repository" / "export")
            dataops["sanitization"] = {"export_path": export, "key": KEY.decode()}
            # A pilot in a Glean outside needs what the sandboxes do without.
            dataops["connectors"] = {
                "confluence_pages": {"stages": {"pilot": {"credential": "of-the-pilot"}}}
            }
        if not dataops:
            return ""
        path = self.folder / "config.yaml"
        path.write_text(json.dumps({"dataops": dataops}))
        return str(path)


@dataclass(frozen=True)
class CaseOutcome:
    """How a case ended: the world, what the webhook heard first of each event, the steps, the changes in Glean."""

    picture: StateSnapshot
    heard: list[object]
    steps: list[CrashPoint]
    requests: int
    log: str


@dataclass
class KillRunner:
    """What every case needs."""

    fork_server: ForkServer
    gleans: SharedSandbox
    cluster: PostgresServer
    bare: str
    folder: Callable[[], Path]
    _prepared: dict[tuple[str, str], tuple[Path, str]] = field(default_factory=dict)
    _calm: dict[str, CaseOutcome] = field(default_factory=dict)

    async def run_undisturbed(self, scene: str) -> CaseOutcome:
        """How the scene ends when nobody dies; acted on SQLite, for the database must make no difference."""
        if scene not in self._calm:
            async with self._copy_scenario(scene, SQLITE) as place:
                acting = place.fork_process("act")
                assert await acting.wait_for_exit() == 0, place.read_log()
                self._calm[scene] = await _case_outcome(place)
        return self._calm[scene]

    async def prepare_case(self, case: StepKillCase | RequestKillCase) -> None:
        """Prepare what cases like this one are copied from, and act it in calm."""
        await self.run_undisturbed(case.scene)
        await self._prepared_scenario(case.scene, case.database)

    async def run_killed(self, case: StepKillCase | RequestKillCase) -> CaseOutcome | str:
        """How it ends when the process that acts is killed as the case says, and another takes up what it left.

        A case that did not come to that gives words.
        """
        async with self._copy_scenario(case.scene, case.database) as place:
            try:
                failed = await _kill_and_finish(place, case)
            except TimeoutError:
                failed = "it never ended"
            return (
                f"{failed}\n{place.read_step_log()}\n{place.read_log()}"
                if failed
                else await _case_outcome(place)
            )

    @asynccontextmanager
    async def _copy_scenario(self, scene: str, database: str) -> AsyncIterator[CaseInstallation]:
        original, template = await self._prepared_scenario(scene, database)
        folder = self.folder()
        shutil.copytree(original / "data", folder / "data")
        shutil.copytree(original / "repository", folder / "repository")
        async with self._open_installation(folder, scene, database, template) as place:
            with Sandbox.open(sandbox_path(place.settings)) as glean:
                for fault in SCENARIOS[scene].faults:
                    glean.faults.add(fault)
            yield place
        shutil.rmtree(folder)

    async def _prepared_scenario(self, scene: str, database: str) -> tuple[Path, str]:
        if (scene, database) not in self._prepared:
            self._prepared[scene, database] = await self._prepare_scenario(scene, database)
        return self._prepared[scene, database]

    async def _prepare_scenario(self, scene: str, database: str) -> tuple[Path, str]:
        folder = self.folder()
        write_repository(folder / "repository", records=12)
        (folder / "data").mkdir()
        template = self.bare if database == POSTGRES else ""
        async with self._open_installation(folder, scene, database, template, keep=True) as place:
            with Sandbox.open(sandbox_path(place.settings)) as glean:
                glean.set_indexing_rate(1_000_000, minimum_seconds=0.04)
                glean.set_switches(limits_rate=False)
            preparing = place.fork_process("prepare")
            assert await preparing.wait_for_exit() == 0, place.read_log()
            return folder, database_name(place.environ.get("DATABASE_URL", ""))

    @asynccontextmanager
    async def _open_installation(
        self, folder: Path, scene: str, database: str, template: str, *, keep: bool = False
    ) -> AsyncIterator[CaseInstallation]:
        environ = {
            "MOCK_DATA_REPO_PATH": str(folder / "repository"),
            "GLEAN_DIALECT": SCENARIOS[scene].dialect,
        }
        async with AsyncExitStack() as stack:
            receiver = (
                await stack.enter_async_context(WebhookReceiver().listen()) if SCENARIOS[scene].told else None
            )
            place = CaseInstallation(folder, scene, environ, self.fork_server, receiver)
            if database == POSTGRES:
                environ["GLEAN_BASE_URL"] = self.gleans.url
                environ["GLEAN_API_KEY"] = stack.enter_context(
                    self.gleans.serve_file(folder / "data" / "glean-sandbox.sqlite")
                )
                if SCENARIOS[scene].dialect == INDEXING:  # whose search wants a token of its own
                    environ["GLEAN_CLIENT_TOKEN"] = environ["GLEAN_API_KEY"]
                environ["DATABASE_URL"] = stack.enter_context(_database(self.cluster, template, keep=keep))
            yield place


async def _kill_and_finish(place: CaseInstallation, case: StepKillCase | RequestKillCase) -> str:
    """Have it happen; words for what did not go that way."""
    survivor = place.fork_process("idle") if case.resumed == SURVIVING else None
    if survivor:
        await wait_for((place.folder / "idle").exists, _LONG_S)
    doomed = place.fork_process("act", **case.crash_order)
    if await doomed.wait_for_exit() != -signal.SIGKILL:
        return NOBODY_DIED
    if not case.reached_crash_point(place, doomed.pid.result()):
        return NOBODY_DIED
    if survivor is None:
        return "" if await place.fork_process("finish").wait_for_exit() == 0 else "the next process failed"
    await place.wait_until_idle()
    if survivor.status.done():
        return "the survivor ended"
    survivor.kill()
    await survivor.wait_for_exit()
    return ""


@contextmanager
def _database(cluster: PostgresServer, template: str, *, keep: bool) -> Iterator[str]:
    url = cluster.create_database(template)
    try:
        yield url
    finally:
        if not keep:
            cluster.drop_database(url)


async def _case_outcome(place: CaseInstallation) -> CaseOutcome:
    heard: dict[Any, object] = {}
    for message in place.receiver.messages if place.receiver else []:
        heard.setdefault(message["sequence"], message["type"])
    return CaseOutcome(
        picture=await place.take_snapshot(),
        heard=list(heard.items()),
        steps=[point for _, point in place.read_step_log()],
        requests=len(place.read_request_log()),
        log=place.read_log(),
    )


def _parse_step_line(line: str) -> tuple[int, CrashPoint]:
    pid, _, point = line.partition(" ")
    kind, _, step = point.partition(":")
    return int(pid), CrashPoint(kind, step)
