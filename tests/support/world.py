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

import anyio

from domain.audit.entry import parse_entry
from domain.connectors.config import placeholder_token
from domain.errors import ConfirmationRequiredError
from domain.lifecycle.provision.service import ProvisionRequest
from domain.lifecycle.sagas.context import Dependencies
from domain.model.connector import OwnerTag
from domain.model.dataset import Confirmation, Dataset
from domain.model.enums import DatasetType, JourneyState, Stage, TeardownReason
from domain.model.journey import Client, Journey
from domain.model.principal import Principal
from domain.model.settings import LifecycleSettings
from domain.ports import AuditQuery
from server.adapters.archives.local import LocalArchives
from server.adapters.clock import RandomIds, SystemClock
from server.adapters.connector_templates import FileConnectorTemplates
from server.adapters.glean.admin.platform import AdminPlatform
from server.adapters.glean.indexing.config import owner_of
from server.adapters.glean.indexing.names import datasource_of
from server.adapters.glean.indexing.platform import IndexingPlatform
from server.adapters.glean.transport.rate_limiter import RateLimiter
from server.adapters.staging.local import LocalStaging
from server.adapters.store.postgres.store import PostgresStore
from server.adapters.store.sqlite.store import SqliteStore
from server.adapters.templates import RepositoryTemplates
from server.composition.use_cases import build_sagas, build_schedule_sagas, build_services
from server.infra.postgres.dsn import parse_postgres_url as address_of
from tests.support.content.template_repository import write_repository
from tests.support.entities import uptime_at
from tests.support.inline_engine import InlineEngine
from tests.support.polling import wait_for_async
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.webhooks.event_schemas import load_events, parse_event_data

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from domain.audit.entry import AuditEntry
    from domain.governance.approvals import ApprovalService
    from domain.lifecycle.provision.service import ProvisionResult
    from domain.model.approval import ConfirmationRequest, Confirmer
    from domain.model.clock import Uptime
    from domain.model.connector import Connector
    from domain.model.schedule import Schedule
    from server.adapters.store.threaded_store import ThreadedStore
    from tests.support.inline_engine import JournalEntry as Step
    from tests.support.sandbox.control import Sandbox
    from tools.services import Services

CONNECTORS = Path(__file__).parents[2] / "mock_data" / "connectors"
DIALECTS: dict[str, type[AdminPlatform | IndexingPlatform]] = {
    "admin": AdminPlatform,
    "indexing": IndexingPlatform,
}
_INDEXING = {
    "datasources.create": "adddatasource",
    "datasources.delete": "bulkindexusers",
    "datasources.list": "getdatasourceconfig",
    "documents.upload": "bulkindexdocuments",
    "health.get": "debug.status",
}
OPERATOR = Principal(subject="person:kim")
STORE_FILE = "store.sqlite"


class ShiftedClock(SystemClock):
    """The machine's clock, moved by hand; it waits in earnest only where a platform must get on meanwhile.

    Time passes by `ahead`. `off` is how far the clock is wrong: the machine's uptime goes by the true time.
    """

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.off = timedelta()
        self.boot: str | None = "boot-1"

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead + self.off

    def uptime(self) -> Uptime | None:
        return uptime_at(self.now() - self.off, self.boot)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead.total_seconds()


class PlaceholderCredentials:
    """The sandbox's credentials."""

    def credential(self, dataset_id: str, dataset_type: DatasetType, stage: Stage, client_id: str) -> str:
        return placeholder_token(dataset_id)


class UnavailableConfirmer:
    """No person can be asked here, so whatever needs one is refused."""

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        return None


class AcceptingConfirmer:
    """A person who says yes to whatever is asked, and in passing; what was asked is kept."""

    def __init__(self, how: str = "typed_name") -> None:
        self.how = how
        self.requests: list[ConfirmationRequest] = []

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        self.requests.append(question)
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


class ApprovingConfirmer:
    """Another person, who approves whatever request is filed as soon as it is; what was asked is kept."""

    def __init__(self, approvals: ApprovalService, person: Principal | None = None) -> None:
        self.approvals = approvals
        self.person = person or Principal(subject="person:lee")
        self.requests: list[ConfirmationRequest] = []

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        self.requests.append(question)
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
    dialect: type[AdminPlatform | IndexingPlatform] = AdminPlatform
    clock: ShiftedClock = field(default_factory=ShiftedClock)
    journal: dict[str, Step] = field(default_factory=dict)
    policy: LifecycleSettings = field(
        default_factory=lambda: LifecycleSettings(sandbox_confirmation="elicitation")
    )
    plans: Sequence[Schedule] = ()
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

    def open_store(self) -> ThreadedStore:
        """What every process keeps its records in."""
        if self.database:
            return PostgresStore(address_of(self.database))
        return SqliteStore(self.folder / STORE_FILE)

    def execute_sql(self, sql: str) -> None:
        """Do to the store what somebody with a shell can."""
        if self.database:
            with address_of(self.database).connect() as connection:
                connection.execute(f"set search_path = dataset_lifecycle; {sql}".encode())
        else:
            with closing(sqlite3.connect(self.folder / STORE_FILE)) as file, file:
                file.execute(sql)

    @asynccontextmanager
    async def open_process(
        self,
        *,
        crash: Callable[[str, str], None] | None = None,
        confirmer: Confirmer | None = None,
        replace: Callable[[Dependencies], Dependencies] = lambda deps: deps,
        command: bool = False,
    ) -> AsyncIterator[Process]:
        """One process on the folder: it resumes what the one before left. A `command` finishes runs first."""
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(self.open_store())
            platform = self.dialect(
                self.sandbox.base_url,
                lambda: self.sandbox.token,
                clock=self.clock,
                identity_url="sandbox",
                limiter=RateLimiter(per_second=10_000, in_flight=32),
                timeout_s=self.timeout_s,
                waits=self.waits,
            )
            await stack.enter_async_context(platform)
            deps = replace(
                Dependencies(
                    store=store,
                    clock=self.clock,
                    ids=RandomIds(),
                    templates=RepositoryTemplates(self.repository),
                    staging=LocalStaging(self.folder / "staging"),
                    archives=LocalArchives(self.folder / "archives"),
                    platform=platform,
                    secrets=PlaceholderCredentials(),
                    connectors=FileConnectorTemplates(CONNECTORS, lambda *_: [self.connectors]),
                    settings=self.policy,
                )
            )
            kinds = dict(build_sagas(deps))
            engine = await stack.enter_async_context(
                InlineEngine(kinds, journal=self.journal, crash=crash, attempts=self.policy.attempts)
            )
            services = build_services(deps, engine, confirmer, plans=self.plans, finishes_runs=command)
            kinds.update(build_schedule_sagas(deps, services, engine, engine.purge))
            yield Process(world=self, deps=deps, engine=engine, services=services)

    def datasource_name(self, name: str) -> str:
        """What this Glean calls our datasource of that name."""
        return name if self.dialect is AdminPlatform else datasource_of(name)

    def operation_name(self, name: str) -> str:
        """The call by which this dialect does what the Admin dialect has that one for."""
        return name if self.dialect is AdminPlatform else _INDEXING[name]

    def served_document_ids(self, name: str) -> list[str]:
        """The ids of the documents that are served of our datasource of that name."""
        return [
            str(each.get("documentId") or each["id"])
            for each in self.glean.documents(self.datasource_name(name))
        ]

    def active_datasources(self) -> list[str]:
        """Every datasource that is there for a dataset, or serves anything; one that was emptied is not."""
        owners = {each["name"]: owner_of(each["config"]) for each in self.glean.datasources()}
        return [
            each["name"]
            for each in self.glean.datasources()
            if each["documentCount"] or not ((owner := owners[each["name"]]) and owner.mark is None)
        ]

    def staged_files(self) -> list[str]:
        """Everything in the staging area."""
        return _file_names(self.folder / "staging")

    def archived_files(self) -> list[str]:
        """Everything in the archive."""
        return _file_names(self.folder / "archives")


@dataclass
class Process:
    """One process: the use cases, and short ways to say the usual."""

    world: World
    deps: Dependencies
    engine: InlineEngine
    services: Services

    async def add_client_and_journey(
        self, client_id: str = "acme", journey_id: str = "j1", stage: Stage = Stage.SANDBOX
    ) -> None:
        """A client with an active journey."""
        await self.services.registry.add_client(
            Client(
                client_id=client_id, name=client_id, industry="fintech", use_case="developer_productivity"
            ),
            OPERATOR,
        )
        await self.services.registry.add_journey(
            Journey(journey_id=journey_id, client_id=client_id, stage=stage, state=JourneyState.ACTIVE),
            OPERATOR,
        )

    async def provision(self, principal: Principal = OPERATOR, **changes: Any) -> Dataset:
        """Provision, and wait for the end."""
        provisioning = self.services.provisioning
        return (await provisioning.wait(await self.start_provision(principal, **changes), 30)).dataset

    async def start_provision(self, principal: Principal = OPERATOR, **changes: Any) -> ProvisionResult:
        """Begin to provision, or attach."""
        return await self.services.provisioning.start_or_attach(provision_request(**changes), principal)

    async def complete_journey(self, journey_id: str = "j1") -> None:
        """The journey is over."""
        await self.services.registry.set_state(journey_id, JourneyState.COMPLETED, OPERATOR)

    async def tear_down(
        self,
        dataset: Dataset | str,
        reason: TeardownReason = TeardownReason.JOURNEY_COMPLETED,
        principal: Principal = OPERATOR,
        confirmer: Confirmer | None = None,
    ) -> Dataset:
        """Take down, and wait for the end."""
        dataset_id = dataset if isinstance(dataset, str) else dataset.dataset_id
        teardowns = self.services.teardowns
        begun = await teardowns.start_or_attach(dataset_id, reason, principal, confirmer)
        return (await teardowns.wait(begun, 30)).dataset

    async def wait_for_crash(self) -> None:
        """Wait until the process has died where it was told to."""
        with anyio.fail_after(30):
            await self.engine.wait_for_death()

    async def wait_for_step(self, dataset_id: str, step: str) -> None:
        """Wait until the saga of a dataset is in that step."""

        async def is_there() -> bool:
            progress = await self.deps.store.read(lambda uow: uow.datasets.get_progress(dataset_id))
            return progress is not None and progress.step == step

        await wait_for_async(is_there, 30)

    async def owner_tag(self, dataset: Dataset) -> OwnerTag:
        """How Glean knows that its datasource is ours."""
        installation = await self.deps.store.read(lambda uow: uow.installation)
        return OwnerTag(installation=installation, dataset_id=dataset.dataset_id)

    async def load_connector(self, dataset: Dataset) -> Connector:
        """Its connector, as we know it."""
        found = await self.deps.store.read(lambda uow: uow.connectors.get(dataset.connector_id or ""))
        assert found is not None
        return found

    async def load_dataset(self, dataset_id: str) -> Dataset:
        """The dataset as it stands."""
        found = await self.deps.store.read(lambda uow: uow.datasets.get(dataset_id))
        assert found is not None
        return found

    async def is_audited(self, audit_id: str) -> bool:
        """Whether the call of that id is on record."""
        return await self.deps.store.read(lambda uow: uow.audit.has_call(audit_id))

    async def load_audit_entries(self) -> list[AuditEntry]:
        """Everything on record, in order."""
        found = await self.deps.store.read(lambda uow: uow.audit.find(AuditQuery(limit=10_000)))
        return [parse_entry(each.document) for each in reversed(found)]

    async def load_event_kinds(self) -> list[str]:
        """The kinds of all events, in order."""
        return [
            str(event.kind)
            for _, event in await self.deps.store.read(lambda uow: uow.events.find(limit=1000))
        ]


def provision_request(**changes: Any) -> ProvisionRequest:
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
async def open_world(
    folder: Path,
    *,
    records: int = 30,
    database: str = "",
    dialect: type[AdminPlatform | IndexingPlatform] = AdminPlatform,
) -> AsyncIterator[World]:
    """A fresh folder with a repository of four templates, and a sandbox; the store there, or on a PostgreSQL.

    In the end every event that happened there is held against its description.
    """
    write_repository(folder / "repository", records=records)
    async with EmbeddedSandbox(folder / "glean.sqlite") as sandbox:
        sandbox.sandbox.set_indexing_rate(1_000_000, minimum_seconds=0)
        sandbox.sandbox.set_switches(limits_rate=False)
        made = World(folder=folder, sandbox=sandbox, database=database, dialect=dialect)
        yield made
    if made.database or (folder / STORE_FILE).exists():
        async with made.open_store() as store:
            for event in await load_events(store):
                parse_event_data(event)


def _file_names(root: Path) -> list[str]:
    return sorted(str(each.relative_to(root)) for each in root.rglob("*") if each.is_file())
