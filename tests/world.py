"""The whole product over real parts in one folder, with a saga engine that can be killed at any moment.

Everything is real but the engine: SQLite store, local staging and archives, a template repository on disk, and the
sandbox over real HTTP. `process(...)` is one process on the folder; entering it again is the next one.
"""

from __future__ import annotations

import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.admission import ProvisionRequest
from domain.audit import parsed
from domain.audit_chain import AuditQuery
from domain.callers import Caller
from domain.connectors import placeholder_token
from domain.errors import ConfirmationRequiredError
from domain.job import Outside, Policy
from domain.model import Client, Confirmation, Dataset, Journey, Mark
from domain.vocabulary import DatasetType, JourneyState, Stage, TeardownReason
from server.adapters.archives.local import LocalArchives
from server.adapters.connectors import FileConnectorTemplates
from server.adapters.engine.inline import InlineEngine
from server.adapters.glean.admin import AdminGlean
from server.adapters.glean.indexing import IndexingGlean
from server.adapters.glean.indexing_config import owner_of
from server.adapters.glean.indexing_names import datasource_of
from server.adapters.glean.limiter import Limiter
from server.adapters.staging.local import LocalStaging
from server.adapters.store.postgres import PostgresStore
from server.adapters.store.sqlite import SqliteStore
from server.adapters.system import RandomIds, SystemClock
from server.adapters.templates import FolderTemplates
from server.postgres.address import parsed as address_of
from server.sandbox.serve import EmbeddedSandbox
from server.wiring import composed, sagas_of, turns_of
from tests.repository import write_repository
from tests.told import as_described, events_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from domain.admission import Provisioned
    from domain.approval_desk import Approvals
    from domain.audit import Entry
    from domain.model import Connector
    from domain.requests import Confirmer, Question
    from domain.schedules import Plan
    from server.adapters.engine.inline import Entry as Step
    from server.adapters.store.threaded import ThreadedStore
    from server.sandbox.sandbox import Sandbox
    from tools.services import Services

CONNECTORS = Path(__file__).parent.parent / "mock_data" / "connectors"
DIALECTS: dict[str, type[AdminGlean | IndexingGlean]] = {"admin": AdminGlean, "indexing": IndexingGlean}
_INDEXING = {
    "datasources.create": "adddatasource",
    "datasources.delete": "bulkindexusers",
    "datasources.list": "getdatasourceconfig",
    "documents.upload": "bulkindexdocuments",
    "health.get": "debug.status",
}
ALL = Caller(subject="person:kim")
STORE = "store.sqlite"


class Shifted(SystemClock):
    """The machine's clock, moved by hand; it waits in earnest only where a platform must get on meanwhile."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Placeholders:
    """The sandbox's credentials."""

    def credential(self, dataset_id: str, dataset_type: DatasetType, stage: Stage, client_id: str) -> str:
        return placeholder_token(dataset_id)


class Nobody:
    """No person can be asked here, so whatever needs one is refused."""

    async def ask(self, question: Question) -> Confirmation | None:
        return None


class Yes:
    """A person who says yes to whatever is asked, and in passing; what was asked is kept."""

    def __init__(self, how: str = "typed_name") -> None:
        self.how = how
        self.asked: list[Question] = []

    async def ask(self, question: Question) -> Confirmation | None:
        self.asked.append(question)
        return Confirmation(
            how=self.how,
            by="person:lee",
            at=datetime.now(UTC),
            dataset_id=question.dataset.dataset_id,
            generation=question.generation,
            reason=question.reason,
            requester=question.requester,
            concession=question.concession,
        )


class Approving:
    """Another person, who approves whatever request is filed as soon as it is; what was asked is kept."""

    def __init__(self, approvals: Approvals, person: Caller | None = None) -> None:
        self.approvals = approvals
        self.person = person or Caller(subject="person:lee")
        self.asked: list[Question] = []

    async def ask(self, question: Question) -> Confirmation | None:
        self.asked.append(question)
        with suppress(ConfirmationRequiredError):
            return await self.approvals.ask(question)
        for each in await self.approvals.list(self.person):
            await self.approvals.approve(each.approval_id, self.person, question.dataset.name)
        return await self.approvals.ask(question)


@dataclass
class World:
    """A folder with a sandbox in it, and what outlives a process there."""

    folder: Path
    sandbox: EmbeddedSandbox
    database: str = ""
    dialect: type[AdminGlean | IndexingGlean] = AdminGlean
    clock: Shifted = field(default_factory=Shifted)
    journal: dict[str, Step] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    plans: Sequence[Plan] = ()
    connectors: Mapping[str, Any] = field(default_factory=dict)
    waits: float = 0.001
    timeout_s: float = 2

    @property
    def glean(self) -> Sandbox:
        """The emulator's own view of things."""
        return self.sandbox.sandbox

    @property
    def repository(self) -> Path:
        """Where the mock data stands."""
        return self.folder / "repository"

    def store(self) -> ThreadedStore:
        """What every process keeps its records in."""
        if self.database:
            return PostgresStore(address_of(self.database))
        return SqliteStore(self.folder / STORE)

    def change(self, sql: str) -> None:
        """Do to the store what somebody with a shell can."""
        if self.database:
            with address_of(self.database).connect() as connection:
                connection.execute(f"set search_path = dataset_lifecycle; {sql}".encode())
        else:
            with closing(sqlite3.connect(self.folder / STORE)) as file, file:
                file.execute(sql)

    @asynccontextmanager
    async def process(
        self,
        *,
        crash: Callable[[str, str], None] | None = None,
        confirmer: Confirmer | None = None,
        replace: Callable[[Outside], Outside] = lambda outside: outside,
    ) -> AsyncIterator[Process]:
        """One process on the folder: it resumes what the one before left."""
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(self.store())
            platform = self.dialect(
                self.sandbox.base_url,
                lambda: self.sandbox.token,
                clock=self.clock,
                identity_url="sandbox",
                limiter=Limiter(per_second=10_000, in_flight=32),
                timeout_s=self.timeout_s,
                waits=self.waits,
            )
            await stack.enter_async_context(platform)
            outside = replace(
                Outside(
                    store=store,
                    clock=self.clock,
                    ids=RandomIds(),
                    templates=FolderTemplates(self.repository),
                    staging=LocalStaging(self.folder / "staging"),
                    archives=LocalArchives(self.folder / "archives"),
                    platform=platform,
                    secrets=Placeholders(),
                    connectors=FileConnectorTemplates(CONNECTORS, lambda *_: [self.connectors]),
                    policy=self.policy,
                )
            )
            kinds = dict(sagas_of(outside))
            engine = await stack.enter_async_context(
                InlineEngine(kinds, journal=self.journal, crash=crash, attempts=self.policy.attempts)
            )
            services = composed(outside, engine, confirmer, plans=self.plans)
            kinds.update(turns_of(outside, services, engine, engine.purge))
            yield Process(world=self, outside=outside, engine=engine, services=services)

    def named(self, name: str) -> str:
        """What this Glean calls our datasource of that name."""
        return name if self.dialect is AdminGlean else datasource_of(name)

    def operation(self, name: str) -> str:
        """The call by which this dialect does what the Admin dialect has that one for."""
        return name if self.dialect is AdminGlean else _INDEXING[name]

    def served(self, name: str) -> list[str]:
        """The ids of the documents that are served of our datasource of that name."""
        return [str(each.get("documentId") or each["id"]) for each in self.glean.documents(self.named(name))]

    def standing(self) -> list[str]:
        """Every datasource that is there for a dataset, or serves anything; one that was emptied is not."""
        owners = {each["name"]: owner_of(each["config"]) for each in self.glean.datasources()}
        return [
            each["name"]
            for each in self.glean.datasources()
            if each["documentCount"] or not ((owner := owners[each["name"]]) and owner.mark is None)
        ]

    def staged(self) -> list[str]:
        """Everything in the staging area."""
        return _files(self.folder / "staging")

    def archived(self) -> list[str]:
        """Everything in the archive."""
        return _files(self.folder / "archives")


@dataclass
class Process:
    """One process: the use cases, and short ways to say the usual."""

    world: World
    outside: Outside
    engine: InlineEngine
    services: Services

    async def arrive(
        self, client_id: str = "acme", journey_id: str = "j1", stage: Stage = Stage.SANDBOX
    ) -> None:
        """A client with an active journey."""
        await self.services.registry.add_client(
            Client(
                client_id=client_id, name=client_id, industry="fintech", use_case="developer_productivity"
            ),
            ALL,
        )
        await self.services.registry.add_journey(
            Journey(journey_id=journey_id, client_id=client_id, stage=stage, state=JourneyState.ACTIVE), ALL
        )

    async def provision(self, caller: Caller = ALL, **changes: Any) -> Dataset:
        """Provision, and wait for the end."""
        provisioning = self.services.provisioning
        return (await provisioning.wait(await self.start(caller, **changes), 30)).dataset

    async def start(self, caller: Caller = ALL, **changes: Any) -> Provisioned:
        """Begin to provision, or attach."""
        return await self.services.provisioning.start_or_attach(request(**changes), caller)

    async def complete(self, journey_id: str = "j1") -> None:
        """The journey is over."""
        await self.services.registry.set_state(journey_id, JourneyState.COMPLETED, ALL)

    async def tear_down(
        self,
        dataset: Dataset | str,
        reason: TeardownReason = TeardownReason.JOURNEY_COMPLETED,
        caller: Caller = ALL,
        confirmer: Confirmer | None = None,
    ) -> Dataset:
        """Take down, and wait for the end."""
        dataset_id = dataset if isinstance(dataset, str) else dataset.dataset_id
        teardowns = self.services.teardowns
        begun = await teardowns.start_or_attach(dataset_id, reason, caller, confirmer)
        return (await teardowns.wait(begun, 30)).dataset

    async def mark(self, dataset: Dataset) -> Mark:
        """How Glean knows that its datasource is ours."""
        installation = await self.outside.store.read(lambda records: records.installation)
        return Mark(installation=installation, dataset_id=dataset.dataset_id)

    async def connector(self, dataset: Dataset) -> Connector:
        """Its connector, as we know it."""
        found = await self.outside.store.read(lambda records: records.connector(dataset.connector_id or ""))
        assert found is not None
        return found

    async def look(self, dataset_id: str) -> Dataset:
        """The dataset as it stands."""
        found = await self.outside.store.read(lambda records: records.dataset(dataset_id))
        assert found is not None
        return found

    async def recorded(self, audit_id: str) -> bool:
        """Whether the call of that id is on record."""
        return await self.outside.store.read(lambda records: records.audited(audit_id))

    async def entries(self) -> list[Entry]:
        """Everything on record, in order."""
        found = await self.outside.store.read(lambda records: records.entries(AuditQuery(limit=10_000)))
        return [parsed(each.document) for each in reversed(found)]

    async def events(self) -> list[str]:
        """The kinds of all events, in order."""
        return [
            str(event.kind)
            for _, event in await self.outside.store.read(lambda records: records.events(limit=1000))
        ]


def request(**changes: Any) -> ProvisionRequest:
    """The usual wish: Confluence pages for acme's sandbox."""
    return ProvisionRequest(
        **{
            "client_id": "acme",
            "journey_id": "j1",
            "stage": Stage.SANDBOX,
            "dataset_type": DatasetType.CONFLUENCE_PAGES,
        }
        | changes
    )


@asynccontextmanager
async def world(
    folder: Path,
    *,
    records: int = 30,
    database: str = "",
    dialect: type[AdminGlean | IndexingGlean] = AdminGlean,
) -> AsyncIterator[World]:
    """A fresh folder with a repository of four templates, and a sandbox; the store there, or on a PostgreSQL.

    In the end every event that happened there is held against its description.
    """
    write_repository(folder / "repository", records=records)
    async with EmbeddedSandbox(folder / "glean.sqlite") as sandbox:
        sandbox.sandbox.set_rate(1_000_000, minimum_seconds=0)
        sandbox.sandbox.turn(limits_rate=False)
        made = World(folder=folder, sandbox=sandbox, database=database, dialect=dialect)
        yield made
    if made.database or (folder / STORE).exists():
        async with made.store() as store:
            for event in await events_of(store):
                as_described(event)


def _files(root: Path) -> list[str]:
    return sorted(str(each.relative_to(root)) for each in root.rglob("*") if each.is_file())
