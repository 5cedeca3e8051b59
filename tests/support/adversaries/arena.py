"""The whole product in one folder, with people and agents at it, and switches for what goes wrong outside.

Nothing in it is a stand-in but the clock, which is moved by hand, and the saga engine. The switches hold a saga at the
moment before it writes, take Glean away, and have a connector sync.
"""

from __future__ import annotations

import sqlite3
import string
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

from mcp.client.client import Client

from domain.audit.entry import parse_entry
from domain.errors import LifecycleError, PlatformUnavailableError, StagingFailedError
from domain.model.enums import DatasetType, JourneyState, Stage
from domain.model.journey import Client as Customer
from domain.model.journey import Journey
from domain.ports import AuditQuery, DatasetQuery
from server.mcp_server.server import build_server
from tests.support.adversaries.actors import AGENTS, KIM, MINE, THEIRS, McpActor, ScriptedAnswers, principal
from tests.support.content.template_repository import RECORD_FACTORIES, slack_message, write_template
from tests.support.interception import CallInterceptor
from tests.support.world import Process, ShiftedClock, World, open_world
from tools.edge.question_pace import QuestionPace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import anyio

    from domain.lifecycle.sagas.context import Dependencies
    from domain.model.connector import OwnerTag
    from domain.model.dataset import Dataset
    from domain.ports import Store
    from domain.ports.platform import Observation
    from tests.support.adversaries.oracle import ActorIdentity
    from tools.services import Services

RECORDS: Final = 3
KINDS: Final = ("confluence_pages", "slack_messages")
"""Datasets of the first kind end READY; those of the second stay VALIDATING, for their records name no author."""
JOURNEYS: Final = ((MINE, "alder-way"), (MINE, "aspen-way"), (THEIRS, "beech-way"))
ERAS: Final = ("legacy", "2026-07-28")
TOOLSETS: Final = ("recovery", "leases")
AT_ONCE: Final = QuestionPace(timer=lambda: 0.0, now=lambda: 0.0)
"""Agents are programs: each answers as soon as it is asked."""


class SeededIds:
    """Ids that are the same in every run, so that a sequence is."""

    def __init__(self) -> None:
        self._chance = Random(0)

    def token(self) -> str:
        return "".join(self._chance.choices(string.digits + string.ascii_lowercase, k=6))


class StoppedClock(ShiftedClock):
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.began = datetime.now(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        return self.began + self.ahead + self.off


@dataclass
class FailureSwitches:
    """What goes wrong outside. While a gate is shut, whoever comes to it waits; `held` is how many teardowns do."""

    platform_down: bool = False
    disk_broken: bool = False
    syncing: dict[str, datetime] = field(default_factory=dict)
    populating: anyio.Event | None = None
    archiving: anyio.Event | None = None
    held: int = 0

    def wrap_dependencies(self, deps: Dependencies) -> Dependencies:
        """The outside, with the switches in it."""
        return replace(
            deps,
            ids=SeededIds(),
            staging=CallInterceptor(deps.staging, "write", self._before_populate),
            archives=CallInterceptor(deps.archives, "write", self._before_archive),
            platform=_SyncingPlatform(
                CallInterceptor(deps.platform, "fetch_fingerprint", self._before_platform_call), self.syncing
            ),
        )

    async def _before_populate(self) -> None:
        if self.disk_broken:
            raise StagingFailedError("The disk is full.")
        if self.populating:
            await self.populating.wait()

    async def _before_archive(self) -> None:
        if self.archiving:
            self.held += 1
            await self.archiving.wait()
            self.held -= 1

    async def _before_platform_call(self) -> None:
        if self.platform_down:
            raise PlatformUnavailableError("Glean did not answer.")


class _SyncingPlatform:
    """A platform whose datasources sync when they are told to."""

    def __init__(self, port: Any, syncing: dict[str, datetime]) -> None:  # noqa: ANN401 - a port that is wrapped
        self._port = port
        self._syncing = syncing

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        return getattr(self._port, name)

    async def stop_sync(self, handle: str, mark: OwnerTag) -> None:
        self._syncing.pop(handle, None)
        await self._port.stop_sync(handle, mark)

    async def observe(self, handle: str) -> Observation:
        seen: Observation = await self._port.observe(handle)
        since = self._syncing.get(handle)
        return seen if since is None else replace(seen, syncing=True, syncing_since=since)


@dataclass
class Installation:
    """A data folder with the product on it. People come to the use cases, agents by MCP."""

    services: Services
    store: Store
    switches: FailureSwitches

    def now(self) -> datetime:
        """The instant by the product's clock."""
        return self.services.clock.now()

    async def load_datasets(self) -> list[Dataset]:
        """Every dataset that there is, whatever became of it."""
        query = DatasetQuery(limit=10_000)
        return list(await self.store.read(lambda uow: uow.datasets.find(query)))

    async def load_audit_ids(self) -> Counter[str]:
        """The ids of the calls that are on record."""
        found = await self.store.read(lambda uow: uow.audit.find(AuditQuery(limit=100_000)))
        entries = [parse_entry(each.document) for each in found]
        return Counter(each.audit_id for each in entries if each.audit_id is not None)

    async def move_journey(self, client: str, journey: str, *, state: str = "", stage: str = "") -> str:
        """A person moves a journey; the refusal's code, or `ok`."""
        registry = self.services.registry
        try:
            if state:
                await registry.set_state(journey, JourneyState(state), principal(KIM), client)
            else:
                await registry.promote(journey, Stage(stage), principal(KIM), client)
        except LifecycleError as error:
            return error.code
        return "ok"

    async def answer_approval(
        self, who: ActorIdentity, approval_id: str, *, yes: bool, typed: str
    ) -> tuple[str, str]:
        """Somebody answers an approval request: the refusal's code or `ok`, and all that they were told."""
        desk = self.services.approvals
        try:
            if yes:
                await desk.approve(approval_id, principal(who), typed)
            else:
                await desk.decline(approval_id, principal(who))
        except LifecycleError as error:
            return error.code, str(error.as_dict())
        return "ok", ""


@dataclass
class ControlledInstallation(Installation):
    """One whose clock is moved by hand, and whose outside obeys switches."""

    place: World
    process: Process

    def pass_time(self, span: timedelta) -> None:
        """Let time pass."""
        self.place.clock.ahead += span

    def set_clock_off(self, off: timedelta) -> None:
        """Set the clock so far wrong; the machine's uptime goes on."""
        self.place.clock.off = off

    async def platform_handle(self, dataset_id: str) -> str:
        """What Glean calls a dataset's connector."""
        store, held = self.store, await self.process.load_dataset(dataset_id)
        connector = await store.read(lambda uow: uow.connectors.get(held.connector_id or ""))
        assert connector is not None
        return str(connector.handle)

    async def change_dataset(self, dataset_id: str, **changes: object) -> None:
        """Change a dataset's row, as somebody at the product might have done a moment ago."""
        held = await self.process.load_dataset(dataset_id)
        changed = held.evolve(**changes)
        await self.store.transact(lambda uow: uow.datasets.put(changed))

    def damage_journey(self, client: str, journey: str) -> str:
        """Make a journey's row one that nobody can read; what stood there."""
        where = (client, journey)
        with closing(sqlite3.connect(self.place.folder / "store.sqlite")) as connection, connection:
            query = "select state from journeys where client_id = ? and journey_id = ?"
            [state] = connection.execute(query, where).fetchone()
            connection.execute(
                "update journeys set state = 'no such state' where client_id = ? and journey_id = ?", where
            )
        return str(state)

    def repair_journey(self, client: str, journey: str, state: str) -> None:
        """Put back what stood there."""
        with closing(sqlite3.connect(self.place.folder / "store.sqlite")) as connection, connection:
            connection.execute(
                "update journeys set state = ? where client_id = ? and journey_id = ?",
                (state, client, journey),
            )


def write_mock_data(repository: Path) -> None:
    """Templates: flawless ones, but for messages that nobody wrote."""
    for dataset_type in (DatasetType.CONFLUENCE_PAGES, DatasetType.GITHUB_REPOS, DatasetType.JIRA_ISSUES):
        write_template(
            repository, dataset_type, [RECORD_FACTORIES[dataset_type](number) for number in range(RECORDS)]
        )
    flawed = [slack_message(number) | {"author": "", "timestamp": "never"} for number in range(RECORDS)]
    write_template(repository, DatasetType.SLACK_MESSAGES, flawed)


@asynccontextmanager
async def open_controlled_installation(folder: Path) -> AsyncIterator[ControlledInstallation]:
    """A fresh one: two clients, and their journeys, active at sandbox."""
    async with open_world(folder, records=1) as place:
        place.clock = StoppedClock()
        write_mock_data(place.repository)
        switches = FailureSwitches()
        async with place.open_process(replace=switches.wrap_dependencies) as process:
            made = ControlledInstallation(
                services=process.services,
                store=process.deps.store,
                switches=switches,
                place=place,
                process=process,
            )
            await add_clients_and_journeys(made)
            yield made


async def add_clients_and_journeys(ground: Installation) -> None:
    """Two clients, and their journeys, active at sandbox."""
    for client in (MINE, THEIRS):
        await ground.services.registry.add_client(
            Customer(client_id=client, name=client, industry="fintech", use_case="developer_productivity"),
            principal(KIM),
        )
    for client, journey in JOURNEYS:
        await ground.services.registry.add_journey(
            Journey(journey_id=journey, client_id=client, stage=Stage.SANDBOX, state=JourneyState.ACTIVE),
            principal(KIM),
        )


class AgentSessions:
    """Every agent, connected once in each era to a server of its own; all of them work on the `arena` at hand."""

    def __init__(self) -> None:
        self.actors: dict[ActorIdentity, McpActor] = {}
        self.arena: ControlledInstallation | None = None

    async def services(self) -> Services:
        assert self.arena is not None
        return self.arena.services

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AgentSessions]:
        """With everybody connected."""
        async with AsyncExitStack() as stack:
            for who in AGENTS:
                answers = ScriptedAnswers()
                server = build_server(
                    self.services, version="1", principal=principal(who), toolsets=TOOLSETS, pace=AT_ONCE
                )
                shown = answers if who.forms else None
                sessions = {
                    era: await stack.enter_async_context(Client(server, mode=era, elicitation_callback=shown))
                    for era in ERAS
                }
                self.actors[who] = McpActor(who=who, answers=answers, sessions=sessions)
            yield self
