"""What a call changes is on record in the very transaction that changes it: neither is ever without the other."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from domain.audit.entry import parse_entry
from domain.connectors.home_platform import HOME
from domain.errors import ConfirmationRequiredError, StoreFailedError
from domain.governance.orphan_facts import SweepPlan
from domain.lifecycle.provision.saga import with_provision_run
from domain.lifecycle.teardown.saga import with_teardown_run
from domain.model.approval import ConfirmationRequest
from domain.model.connector import Fingerprint
from domain.model.dataset import Dataset, Teardown
from domain.model.enums import DatasetStatus, DataSource, JourneyState, Stage, TeardownReason
from domain.model.journey import Client, Journey
from domain.model.principal import Principal
from domain.policy.scopes import SCOPE_OF_VERB
from tests.support.content.companies import write_company
from tests.support.world import OPERATOR, AcceptingConfirmer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from domain.lifecycle.sagas.context import Dependencies
    from domain.ports import Store, UnitOfWork
    from tests.support.world import Process, World

    Act = Callable[[Process, Principal], Awaitable[object]]
    Prepared = Callable[[Process], Awaitable[Act]]

CHANGES = ("put", "delete", "append", "add", "record_")
PERSON = Principal(subject="person:lee")
READ_ONLY = {"audit", "backup", "events", "schedules", "templates import", "templates new"}


class WatchedTransaction:
    """A unit of work, watched: what was changed in it, as `repository.method`, and whose calls were noted."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self.changed: list[str] = []
        self.noted: list[str | None] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it stands in for has
        found = getattr(self._uow, name)
        return found if isinstance(found, str) else WatchedRepository(found, name, self)


class WatchedRepository:
    """A repository that tells its transaction what is done to it."""

    def __init__(self, repository: object, name: str, watching: WatchedTransaction) -> None:
        self._repository = repository
        self._name = name
        self._watching = watching

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it stands in for has
        found = getattr(self._repository, name)
        if (self._name, name) == ("audit", "append"):
            return partial(self._note, found)
        if name.startswith(CHANGES):
            return partial(self._change, found, f"{self._name}.{name}")
        return found

    def _note(self, append: Callable[..., None], *documents: str) -> None:
        self._watching.noted += [parse_entry(each).audit_id for each in documents]
        append(*documents)

    def _change(self, change: Callable[..., Any], name: str, *args: object, **named: object) -> Any:  # noqa: ANN401 - whatever it stands in for has
        self._watching.changed.append(name)
        return change(*args, **named)


class WatchedStore:
    """A store whose transactions are watched, and which fails at the end of the one that notes a call when told to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.transactions: list[WatchedTransaction] = []
        self.failing: str | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it stands in for has
        return getattr(self._store, name)

    async def transact(self, work: Callable[[UnitOfWork], Any], **how: bool) -> Any:  # noqa: ANN401 - whatever it stands in for has
        def watch_transaction(uow: UnitOfWork) -> object:
            watching = WatchedTransaction(uow)
            result = work(watching)
            self.transactions.append(watching)
            if self.failing is not None and self.failing in watching.noted:
                raise StoreFailedError("The machine stopped before the commit.")
            return result

        return await self._store.transact(watch_transaction, **how)


@dataclass(frozen=True)
class VerbCase:
    """A verb, and what has to be there before its call."""

    verb: str
    name: str
    prepared: Prepared


CASES: list[VerbCase] = []


def case(*verbs: str) -> Callable[[Prepared], Prepared]:
    def register(prepared: Prepared) -> Prepared:
        CASES.extend(VerbCase(verb, f"{verb}: {prepared.__name__}", prepared) for verb in verbs)
        return prepared

    return register


@case("provision")
async def admit(process: Process) -> Act:
    return lambda process, principal: process.start_provision(principal)


@case("provision")
async def retry_failed(process: Process) -> Act:
    made = await process.provision()
    await put(process, replace(made, status=DatasetStatus.FAILED))
    return lambda process, principal: process.start_provision(principal, retry=True)


@case("restore")
async def restore_archived(process: Process) -> Act:
    gone = await archive_dataset(process)
    journey = Journey(journey_id="j2", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE)
    await process.services.registry.add_journey(journey, OPERATOR)
    return lambda process, principal: process.services.restores.start_or_attach(
        gone.dataset_id, "j2", principal
    )


@case("teardown")
async def claim_teardown(process: Process) -> Act:
    made = await process.provision()
    await process.complete_journey()
    return lambda process, principal: process.services.teardowns.start_or_attach(
        made.dataset_id, TeardownReason.MANUAL, principal, AcceptingConfirmer()
    )


@case("teardown")
async def gone_on_with(process: Process) -> Act:
    made = await process.provision()
    await process.complete_journey()
    teardown = Teardown(
        reason=TeardownReason.JOURNEY_COMPLETED,
        requester=OPERATOR.subject,
        former_status=made.status,
        started_at=made.created_at,
    )
    await put(process, replace(with_teardown_run(made, teardown, made.created_at), run=None))
    return lambda process, principal: process.services.teardowns.start_or_attach(
        made.dataset_id, TeardownReason.JOURNEY_COMPLETED, principal
    )


@case("cancel provision", "cancel teardown", "cancel snapshot")
async def flag_cancel(process: Process) -> Act:
    made = await process.provision()
    await put(
        process,
        with_provision_run(replace(made, status=DatasetStatus.PROVISIONING, attempt=2), made.created_at),
    )
    return lambda process, principal: process.services.sagas.cancel(made.dataset_id, principal)


@case("archives snapshot")
async def take_snapshot(process: Process) -> Act:
    made = await process.provision()
    return lambda process, principal: process.services.snapshots.take(made.dataset_id, principal)


@case("datasets recheck")
async def recheck_dataset(process: Process) -> Act:
    made = await process.provision()
    return lambda process, principal: process.services.datasets.recheck(made.dataset_id, principal)


@case("datasets refresh")
async def refresh_dataset(process: Process) -> Act:
    write_company(process.world.repository)
    made = await process.provision(data_source=DataSource.GENERATED)
    process.world.clock.ahead += timedelta(days=1)
    return lambda process, principal: process.services.refreshes.start_or_attach(made.dataset_id, principal)


@case("journeys renew", "leases shorten")
async def renew_lease(process: Process) -> Act:
    hour = timedelta(hours=1)
    return lambda process, principal: process.services.leases.renew_lease("j1", hour, principal, person=True)


@case("datasets protect")
async def protect_dataset(process: Process) -> Act:
    made = await process.provision()
    until = process.deps.clock.now() + timedelta(days=1)
    return lambda process, principal: process.services.leases.protect_dataset(
        made.dataset_id, until, principal, person=True
    )


@case("datasets unprotect")
async def unprotect_dataset(process: Process) -> Act:
    made = await process.provision()
    until = process.deps.clock.now() + timedelta(days=1)
    await process.services.leases.protect_dataset(made.dataset_id, until, OPERATOR, person=True)
    return lambda process, principal: process.services.leases.unprotect_dataset(
        made.dataset_id, principal, person=True
    )


@case("clients add")
async def client(process: Process) -> Act:
    beta = Client(client_id="beta", name="Beta", industry="retail", use_case="support")
    return lambda process, principal: process.services.registry.add_client(beta, principal)


@case("journeys add")
async def journey(process: Process) -> Act:
    made = Journey(journey_id="j9", client_id="acme", stage=Stage.PILOT, state=JourneyState.DRAFT)
    return lambda process, principal: process.services.registry.add_journey(made, principal)


@case("journeys set-state")
async def pause_journey(process: Process) -> Act:
    await process.provision()
    return lambda process, principal: process.services.registry.set_state(
        "j1", JourneyState.PAUSED, principal
    )


@case("journeys promote")
async def promote_journey(process: Process) -> Act:
    await process.provision()
    return lambda process, principal: process.services.registry.promote("j1", Stage.PILOT, principal)


@case("teardown")
async def request_approval(process: Process) -> Act:
    question = await build_request(process)
    return lambda process, principal: process.services.approvals.ask(replace(question, principal=principal))


@case("teardown")
async def approved_by_one_person(process: Process) -> Act:
    question = await build_request(process)
    return lambda process, principal: process.services.approvals.self_approve(
        replace(question, principal=principal)
    )


@case("approvals approve")
async def approve_request(process: Process) -> Act:
    question = await build_request(process)
    approval_id = await file_request(process, question)
    return lambda process, principal: process.services.approvals.approve(
        approval_id, approve_as(PERSON, principal), question.dataset.name
    )


@case("approvals decline")
async def decline_request(process: Process) -> Act:
    approval_id = await file_request(process, await build_request(process))
    return lambda process, principal: process.services.approvals.decline(
        approval_id, approve_as(PERSON, principal)
    )


@case("drain")
async def begin_draining(process: Process) -> Act:
    return lambda process, principal: process.services.drain.begin_drain(principal)


@case("drain")
async def end_draining(process: Process) -> Act:
    await process.services.drain.begin_drain(OPERATOR)
    return lambda process, principal: process.services.drain.end_drain(principal)


@case("platform move")
async def relocated(process: Process) -> Act:
    elsewhere = Fingerprint(dialect="indexing", url="https://acme-be.glean.com")
    await process.deps.store.transact(lambda uow: uow.settings.put(HOME, elsewhere))
    seen = await process.services.home.load_status()
    return lambda process, principal: process.services.home.move(seen, principal)


@case("orphans scan")
async def scan_orphans(process: Process) -> Act:
    await process.provision()
    await process.complete_journey()
    return lambda process, principal: process.services.orphans.scan(principal)


@case("orphans sweep")
async def one_asked_about(process: Process) -> Act:
    made = await process.provision()
    return lambda process, principal: process.services.approvals.file_for_sweep(made, principal)


@case("orphans sweep")
async def all_asked_about(process: Process) -> Act:
    made = await process.provision()
    plan = SweepPlan(eligible=(made,), skipped=(), refused="Too many.")
    return lambda process, principal: process.services.sweep_lists.file_request(plan, principal)


@case("archives purge")
async def purge_archive(process: Process) -> Act:
    await archive_dataset(process)
    process.world.clock.ahead += timedelta(days=100)
    return lambda process, principal: process.services.archives.purge_archives(principal, apply=True)


def approve_as(person: Principal, principal: Principal) -> Principal:
    return replace(person, call=principal.call)


async def put(process: Process, dataset: Dataset) -> None:
    await process.deps.store.transact(lambda uow: uow.datasets.put(dataset))


async def archive_dataset(process: Process) -> Dataset:
    made = await process.provision()
    await process.complete_journey()
    return await process.tear_down(made)


async def build_request(process: Process) -> ConfirmationRequest:
    made = await process.provision()
    return ConfirmationRequest(
        dataset=made,
        reason=TeardownReason.MANUAL,
        requester=OPERATOR.subject,
        generation=made.generation,
        shown={"dataset": made.name},
    )


async def file_request(process: Process, question: ConfirmationRequest) -> str:
    with suppress(ConfirmationRequiredError):
        await process.services.approvals.ask(question)
    [approval] = await process.services.approvals.list(OPERATOR)
    return approval.approval_id


def load_all_rows(place: World) -> dict[str, list[Any]]:
    """Every row that means something."""
    with closing(sqlite3.connect(place.folder / "store.sqlite")) as connection:
        tables: Iterable[tuple[str]] = connection.execute(
            "select name from sqlite_schema where type = 'table' and name not in ('progress', 'sqlite_sequence')"
        ).fetchall()
        return {name: connection.execute(f"select * from {name}").fetchall() for (name,) in tables}  # noqa: S608  # our own tables


def watch_store(stores: list[WatchedStore], deps: Dependencies) -> Dependencies:
    stores.append(WatchedStore(deps.store))
    return replace(deps, store=stores[0])


def test_every_verb_that_changes_something_is_tried() -> None:
    changing = {each for each, scope in SCOPE_OF_VERB.items() if scope != "datasets:read"}
    assert {each.verb for each in CASES} == changing - READ_ONLY


@pytest.mark.parametrize("each", CASES, ids=lambda case: case.name)
async def test_neither_the_change_nor_its_entry_is_there_without_the_other(
    world: World, each: VerbCase
) -> None:
    stores: list[WatchedStore] = []
    async with world.open_process(replace=partial(watch_store, stores)) as process:
        [store] = stores
        await process.add_client_and_journey()
        act = await each.prepared(process)
        before = load_all_rows(world)

        failing = process.services.calls.begin(OPERATOR, each.verb, "memory", {})
        assert failing.call is not None
        store.failing = failing.call.audit_id
        try:
            plan = await act(process, failing)
        except StoreFailedError:
            plan = None
        assert not getattr(plan, "purged", ())
        assert load_all_rows(world) == before

        principal = process.services.calls.begin(OPERATOR, each.verb, "memory", {})
        assert principal.call is not None
        store.transactions.clear()
        with suppress(ConfirmationRequiredError):
            await act(process, principal)
        noting = [one for one in store.transactions if principal.call.audit_id in one.noted]
        assert noting
        assert all(one.changed for one in noting)


async def test_a_cancel_that_was_asked_for_already_changes_nothing_and_is_not_noted(world: World) -> None:
    stores: list[WatchedStore] = []
    async with world.open_process(replace=partial(watch_store, stores)) as process:
        await process.add_client_and_journey()
        made = await process.provision()
        running = with_provision_run(
            replace(made, status=DatasetStatus.PROVISIONING, attempt=2), made.created_at
        )
        assert running.run is not None
        await put(process, replace(running, run=replace(running.run, cancel_requested=True)))
        principal = process.services.calls.begin(OPERATOR, "cancel", "memory", {})
        stores[0].transactions.clear()
        await process.services.sagas.cancel(made.dataset_id, principal)
        assert principal.call is not None
        assert not any(principal.call.audit_id in each.noted for each in stores[0].transactions)
