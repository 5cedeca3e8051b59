"""What a call changes is on record in the very transaction that changes it: neither is ever without the other."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from domain.audit import parsed
from domain.callers import Caller
from domain.errors import ConfirmationRequiredError, StoreFailedError
from domain.model import Client, Dataset, Journey, Teardown
from domain.orphan_facts import SweepPlan
from domain.provisioning import started
from domain.requests import Question
from domain.scopes import SCOPES
from domain.teardown import with_run
from domain.vocabulary import DatasetStatus, JourneyState, Stage, TeardownReason
from tests.world import ALL, Yes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from domain.job import Outside
    from domain.records import Records, Store
    from tests.world import Process, World

    Act = Callable[[Process, Caller], Awaitable[object]]
    Prepared = Callable[[Process], Awaitable[Act]]

CHANGES = ("put_", "drop_", "append", "add_use")
PERSON = Caller(subject="person:lee")
READ_ONLY = {"audit", "backup", "events", "schedules"}


class Watching:
    """The rows of one transaction, watched: which were changed, and whose calls were noted."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.changed: list[str] = []
        self.noted: list[str | None] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it stands in for has
        found = getattr(self._records, name)
        if name == "append_entry":
            return partial(self._note, found)
        if name.startswith(CHANGES):
            return partial(self._change, found, name)
        return found

    def _note(self, append: Callable[..., None], *documents: str) -> None:
        self.noted += [parsed(each).audit_id for each in documents]
        append(*documents)

    def _change(self, change: Callable[..., Any], name: str, *args: object, **named: object) -> Any:  # noqa: ANN401 - whatever it stands in for has
        self.changed.append(name)
        return change(*args, **named)


class Watched:
    """A store whose transactions are watched, and which fails at the end of the one that notes a call when told to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.transactions: list[Watching] = []
        self.failing: str | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it stands in for has
        return getattr(self._store, name)

    async def transact(self, work: Callable[[Records], Any], **how: bool) -> Any:  # noqa: ANN401 - whatever it stands in for has
        def watched(records: Records) -> object:
            watching = Watching(records)
            result = work(watching)
            self.transactions.append(watching)
            if self.failing is not None and self.failing in watching.noted:
                raise StoreFailedError("The machine stopped before the commit.")
            return result

        return await self._store.transact(watched, **how)


@dataclass(frozen=True)
class Case:
    """A verb, and what has to be there before its call."""

    verb: str
    name: str
    prepared: Prepared


CASES: list[Case] = []


def case(*verbs: str) -> Callable[[Prepared], Prepared]:
    def register(prepared: Prepared) -> Prepared:
        CASES.extend(Case(verb, f"{verb}: {prepared.__name__}", prepared) for verb in verbs)
        return prepared

    return register


@case("provision")
async def admitted(process: Process) -> Act:
    return lambda process, caller: process.start(caller)


@case("provision")
async def retried(process: Process) -> Act:
    made = await process.provision()
    await put(process, replace(made, status=DatasetStatus.FAILED))
    return lambda process, caller: process.start(caller, retry=True)


@case("restore")
async def restored(process: Process) -> Act:
    gone = await archived(process)
    journey = Journey(journey_id="j2", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE)
    await process.services.registry.add_journey(journey, ALL)
    return lambda process, caller: process.services.restoring.start(gone.dataset_id, "j2", caller)


@case("teardown")
async def claimed(process: Process) -> Act:
    made = await process.provision()
    await process.complete()
    return lambda process, caller: process.services.teardowns.start_or_attach(
        made.dataset_id, TeardownReason.MANUAL, caller, Yes()
    )


@case("teardown")
async def gone_on_with(process: Process) -> Act:
    made = await process.provision()
    await process.complete()
    teardown = Teardown(
        reason=TeardownReason.JOURNEY_COMPLETED,
        requester=ALL.subject,
        former_status=made.status,
        started_at=made.created_at,
    )
    await put(process, replace(with_run(made, teardown, made.created_at), run=None))
    return lambda process, caller: process.services.teardowns.start_or_attach(
        made.dataset_id, TeardownReason.JOURNEY_COMPLETED, caller
    )


@case("cancel provision", "cancel teardown", "cancel snapshot")
async def flagged(process: Process) -> Act:
    made = await process.provision()
    await put(process, started(replace(made, status=DatasetStatus.PROVISIONING, attempt=2), made.created_at))
    return lambda process, caller: process.services.sagas.cancel(made.dataset_id, caller)


@case("archives snapshot")
async def taken(process: Process) -> Act:
    made = await process.provision()
    return lambda process, caller: process.services.snapshots.take(made.dataset_id, caller)


@case("datasets recheck")
async def rechecked(process: Process) -> Act:
    made = await process.provision()
    return lambda process, caller: process.services.datasets.recheck(made.dataset_id, caller)


@case("journeys renew", "leases shorten")
async def renewed(process: Process) -> Act:
    hour = timedelta(hours=1)
    return lambda process, caller: process.services.keeping.renew("j1", hour, caller, person=True)


@case("datasets protect")
async def protected(process: Process) -> Act:
    made = await process.provision()
    until = process.outside.clock.now() + timedelta(days=1)
    return lambda process, caller: process.services.keeping.protect(
        made.dataset_id, until, caller, person=True
    )


@case("datasets unprotect")
async def unprotected(process: Process) -> Act:
    made = await process.provision()
    until = process.outside.clock.now() + timedelta(days=1)
    await process.services.keeping.protect(made.dataset_id, until, ALL, person=True)
    return lambda process, caller: process.services.keeping.unprotect(made.dataset_id, caller, person=True)


@case("clients add")
async def client(process: Process) -> Act:
    beta = Client(client_id="beta", name="Beta", industry="retail", use_case="support")
    return lambda process, caller: process.services.registry.add_client(beta, caller)


@case("journeys add")
async def journey(process: Process) -> Act:
    made = Journey(journey_id="j9", client_id="acme", stage=Stage.PILOT, state=JourneyState.DRAFT)
    return lambda process, caller: process.services.registry.add_journey(made, caller)


@case("journeys set-state")
async def moved(process: Process) -> Act:
    await process.provision()
    return lambda process, caller: process.services.registry.set_state("j1", JourneyState.PAUSED, caller)


@case("journeys promote")
async def promoted(process: Process) -> Act:
    await process.provision()
    return lambda process, caller: process.services.registry.promote("j1", Stage.PILOT, caller)


@case("teardown")
async def requested(process: Process) -> Act:
    question = await asked(process)
    return lambda process, caller: process.services.approvals.ask(replace(question, caller=caller))


@case("teardown")
async def approved_by_one_person(process: Process) -> Act:
    question = await asked(process)
    return lambda process, caller: process.services.approvals.alone(replace(question, caller=caller))


@case("approvals approve")
async def approved(process: Process) -> Act:
    question = await asked(process)
    approval_id = await filed(process, question)
    return lambda process, caller: process.services.approvals.approve(
        approval_id, by(PERSON, caller), question.dataset.name
    )


@case("approvals decline")
async def declined(process: Process) -> Act:
    approval_id = await filed(process, await asked(process))
    return lambda process, caller: process.services.approvals.decline(approval_id, by(PERSON, caller))


@case("drain")
async def begun(process: Process) -> Act:
    return lambda process, caller: process.services.draining.on(caller)


@case("drain")
async def ended(process: Process) -> Act:
    await process.services.draining.on(ALL)
    return lambda process, caller: process.services.draining.off(caller)


@case("orphans scan")
async def marked(process: Process) -> Act:
    await process.provision()
    await process.complete()
    return lambda process, caller: process.services.orphans.scan(caller)


@case("orphans sweep")
async def one_asked_about(process: Process) -> Act:
    made = await process.provision()
    return lambda process, caller: process.services.approvals.file_for_sweep(made, caller)


@case("orphans sweep")
async def all_asked_about(process: Process) -> Act:
    made = await process.provision()
    plan = SweepPlan(eligible=(made,), skipped=(), refused="Too many.")
    return lambda process, caller: process.services.sweep_lists.file(plan, caller)


@case("archives purge")
async def purged(process: Process) -> Act:
    await archived(process)
    process.world.clock.ahead += timedelta(days=100)
    return lambda process, caller: process.services.archives.purge(caller, apply=True)


def by(person: Caller, caller: Caller) -> Caller:
    return replace(person, call=caller.call)


async def put(process: Process, dataset: Dataset) -> None:
    await process.outside.store.transact(lambda records: records.put_dataset(dataset))


async def archived(process: Process) -> Dataset:
    made = await process.provision()
    await process.complete()
    return await process.tear_down(made)


async def asked(process: Process) -> Question:
    made = await process.provision()
    return Question(
        dataset=made,
        reason=TeardownReason.MANUAL,
        requester=ALL.subject,
        generation=made.generation,
        shown={"dataset": made.name},
    )


async def filed(process: Process, question: Question) -> str:
    with suppress(ConfirmationRequiredError):
        await process.services.approvals.ask(question)
    [approval] = await process.services.approvals.list(ALL)
    return approval.approval_id


def everything(place: World) -> dict[str, list[Any]]:
    """Every row that means something."""
    with closing(sqlite3.connect(place.folder / "store.sqlite")) as connection:
        tables: Iterable[tuple[str]] = connection.execute(
            "select name from sqlite_schema where type = 'table' and name not in ('progress', 'sqlite_sequence')"
        ).fetchall()
        return {name: connection.execute(f"select * from {name}").fetchall() for (name,) in tables}  # noqa: S608  # our own tables


def watched(stores: list[Watched], outside: Outside) -> Outside:
    stores.append(Watched(outside.store))
    return replace(outside, store=stores[0])


def test_every_verb_that_changes_something_is_tried() -> None:
    changing = {each for each, scope in SCOPES.items() if scope != "datasets:read"}
    assert {each.verb for each in CASES} == changing - READ_ONLY


@pytest.mark.parametrize("each", CASES, ids=lambda case: case.name)
async def test_neither_the_change_nor_its_entry_is_there_without_the_other(place: World, each: Case) -> None:
    stores: list[Watched] = []
    async with place.process(replace=partial(watched, stores)) as process:
        [store] = stores
        await process.arrive()
        act = await each.prepared(process)
        before = everything(place)

        failing = process.services.calls.begin(ALL, each.verb, "memory", {})
        assert failing.call is not None
        store.failing = failing.call.audit_id
        try:
            plan = await act(process, failing)
        except StoreFailedError:
            plan = None
        assert not getattr(plan, "purged", ())
        assert everything(place) == before

        caller = process.services.calls.begin(ALL, each.verb, "memory", {})
        assert caller.call is not None
        store.transactions.clear()
        with suppress(ConfirmationRequiredError):
            await act(process, caller)
        noting = [one for one in store.transactions if caller.call.audit_id in one.noted]
        assert noting
        assert all(one.changed for one in noting)


async def test_a_cancel_that_was_asked_for_already_changes_nothing_and_is_not_noted(place: World) -> None:
    stores: list[Watched] = []
    async with place.process(replace=partial(watched, stores)) as process:
        await process.arrive()
        made = await process.provision()
        running = started(replace(made, status=DatasetStatus.PROVISIONING, attempt=2), made.created_at)
        assert running.run is not None
        await put(process, replace(running, run=replace(running.run, cancel_requested=True)))
        caller = process.services.calls.begin(ALL, "cancel", "memory", {})
        stores[0].transactions.clear()
        await process.services.sagas.cancel(made.dataset_id, caller)
        assert caller.call is not None
        assert not any(caller.call.audit_id in each.noted for each in stores[0].transactions)
