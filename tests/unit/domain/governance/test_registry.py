"""Clients and journeys: whose they are, how they move, and what a move takes protection from."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.errors import (
    ForbiddenError,
    InvalidArgumentError,
    PreconditionUnknownError,
    UnknownClientError,
    UnknownJourneyError,
)
from domain.governance.registry import JourneyChange, RegistryService
from domain.model.dataset import OrphanMark
from domain.model.enums import JOURNEY_TRANSITIONS, DatasetStatus, DatasetType, JourneyState, Stage
from domain.model.journey import UnreadableRow
from domain.model.principal import Principal
from domain.policy.orphans import current_orphan_mark
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW, ManualClock, client, dataset, journey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.model.dataset import Dataset
    from domain.model.journey import Journey

ALL = Principal(subject="person:kim")
GLOBEX = Principal(subject="agent:g", clients=frozenset({"globex"}))
HOUR = timedelta(hours=1)
TYPES = list(DatasetType)


@dataclass
class RegistrySetup:
    """A registry over a real store, by a clock that is set."""

    path: Path
    store: SqliteStore
    clock: ManualClock
    registry: RegistryService

    async def hold(self, *rows: Journey) -> None:
        """Keep journeys as they are, however they came to be so."""
        for row in rows:
            await self.store.transact(lambda uow, row=row: uow.journeys.put(row))  # type: ignore[misc]

    async def have(self, *rows: Dataset) -> None:
        for row in rows:
            await self.store.transact(lambda uow, row=row: uow.datasets.put(row))  # type: ignore[misc]

    async def load_dataset(self, dataset_id: str) -> Dataset:
        found = await self.store.read(lambda uow: uow.datasets.get(dataset_id))
        assert found is not None
        return found

    async def load_journey(
        self, journey_id: str = "j1", client_id: str = "acme"
    ) -> Journey | UnreadableRow | None:
        return await self.store.read(lambda uow: uow.journeys.get(client_id, journey_id))

    async def list_journeys(
        self, principal: Principal, client_id: str | None = None
    ) -> list[Journey | UnreadableRow]:
        return [each for _, each in await self.registry.list_journeys(principal, client_id)]

    def damage_journey(self, client_id: str, journey_id: str = "j1") -> None:
        """Leave a state in the row that nobody knows."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(
                "update journeys set state = 'zombie' where client_id = ? and journey_id = ?",
                (client_id, journey_id),
            )


@pytest.fixture
async def registry_setup(tmp_path: Path) -> AsyncIterator[RegistrySetup]:
    """Two clients, and no journey yet."""
    path, clock = tmp_path / "store.sqlite", ManualClock()
    async with SqliteStore(path) as store:
        registry = RegistryService(store, clock)
        await registry.add_client(client(), ALL)
        await registry.add_client(client("globex"), ALL)
        yield RegistrySetup(path=path, store=store, clock=clock, registry=registry)


async def test_a_client_that_is_added_again_is_the_same_client(registry_setup: RegistrySetup) -> None:
    assert await registry_setup.registry.add_client(client(), ALL) == client()
    assert await registry_setup.registry.list_clients(ALL) == [client(), client("globex")]
    assert await registry_setup.registry.list_clients(GLOBEX) == [client("globex")]


@pytest.mark.parametrize(
    ("wrong", "field", "candidates"),
    [
        (client("../x"), "client_id", ()),
        (client(""), "client_id", ()),
        (client("x" * 65), "client_id", ()),
        (client("ACME"), "client_id", ("acme",)),
        (client("acme", industry="retail"), "client_id", ("acme",)),
        (client("initech", name=" "), "name", ()),
        (client("initech", industry=""), "industry", ()),
        (client("initech", use_case="\t"), "use_case", ()),
    ],
)
async def test_a_client_that_cannot_be_told_from_another_or_says_nothing_is_refused(
    registry_setup: RegistrySetup, wrong: object, field: str, candidates: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        await registry_setup.registry.add_client(wrong, ALL)  # type: ignore[arg-type]
    assert (refusal.value.field, refusal.value.candidates) == (field, candidates)
    assert await registry_setup.registry.list_clients(ALL) == [client(), client("globex")]


async def test_a_caller_confined_to_clients_adds_no_other_and_learns_of_none(
    registry_setup: RegistrySetup,
) -> None:
    for other in ("acme", "initech"):
        with pytest.raises(ForbiddenError) as refusal:
            await registry_setup.registry.add_client(client(other), GLOBEX)
        assert (
            refusal.value.message
            == f"This caller may access only some clients, and {other!r} is not one of them."
        )
    assert await registry_setup.registry.add_client(client("globex"), GLOBEX) == client("globex")
    with pytest.raises(InvalidArgumentError, match="taken by 'globex'"):
        await registry_setup.registry.add_client(client("globex", industry="retail"), GLOBEX)


async def test_an_id_that_is_taken_in_another_spelling_is_not_named_to_whom_it_does_not_concern(
    registry_setup: RegistrySetup,
) -> None:
    shouting = Principal(subject="agent:g", clients=frozenset({"ACME"}))
    with pytest.raises(InvalidArgumentError) as refusal:
        await registry_setup.registry.add_client(client("ACME"), shouting)
    assert refusal.value.message == "The client id 'ACME' is taken in another spelling."
    assert refusal.value.candidates == ()


async def test_a_caller_bound_to_a_journey_adds_neither_journeys_nor_clients(
    registry_setup: RegistrySetup,
) -> None:
    bound = Principal(subject="agent:j", journey_id="j1")
    with pytest.raises(ForbiddenError, match="bound to the journey j1"):
        await registry_setup.registry.add_journey(journey(), bound)
    with pytest.raises(ForbiddenError, match="bound to the journey j1"):
        await registry_setup.registry.add_client(client("initech"), bound)
    assert await registry_setup.registry.list_journeys(ALL) == []


async def test_clients_and_journeys_are_listed_page_by_page(registry_setup: RegistrySetup) -> None:
    rows = [journey(), journey("j2"), journey(client_id="globex")]
    await registry_setup.hold(*rows)
    registry = registry_setup.registry

    assert await registry.list_clients(ALL, limit=1) == [client()]
    assert await registry.list_clients(ALL, after="acme", limit=1) == [client("globex")]
    assert await registry.list_clients(GLOBEX, limit=1) == [client("globex")]
    keyed = [((each.client_id, each.journey_id), each) for each in rows]
    assert await registry.list_journeys(ALL, limit=2) == keyed[:2]
    assert await registry.list_journeys(ALL, after=("acme", "j1"), limit=2) == keyed[1:]
    assert await registry.list_journeys(ALL, "acme", after=("acme", "j1")) == keyed[1:2]
    assert await registry.list_journeys(GLOBEX, limit=1) == keyed[2:]


async def test_a_journey_that_is_added_again_is_the_same_journey(registry_setup: RegistrySetup) -> None:
    assert await registry_setup.registry.add_journey(journey(), ALL) == journey()
    assert await registry_setup.registry.add_journey(journey(), ALL) == journey()
    theirs = journey(client_id="globex")
    assert await registry_setup.registry.add_journey(theirs, ALL) == theirs
    assert await registry_setup.list_journeys(ALL) == [journey(), theirs]


@pytest.mark.parametrize(
    ("wrong", "candidates"),
    [
        (journey(".hidden"), ()),
        (journey("a/b"), ()),
        (journey("J1"), ("j1",)),
        (journey(stage=Stage.PILOT), ()),
    ],
)
async def test_a_journey_id_that_is_malformed_or_taken_is_refused(
    registry_setup: RegistrySetup, wrong: Journey, candidates: tuple[str, ...]
) -> None:
    await registry_setup.registry.add_journey(journey(), ALL)
    with pytest.raises(InvalidArgumentError) as refusal:
        await registry_setup.registry.add_journey(wrong, ALL)
    assert (refusal.value.field, refusal.value.candidates) == ("journey_id", candidates)
    assert await registry_setup.list_journeys(ALL) == [journey()]


async def test_a_journey_id_whose_row_cannot_be_read_is_taken(registry_setup: RegistrySetup) -> None:
    await registry_setup.registry.add_journey(journey(), ALL)
    registry_setup.damage_journey("acme")
    with pytest.raises(InvalidArgumentError) as refusal:
        await registry_setup.registry.add_journey(journey("J1"), ALL)
    assert refusal.value.field == "journey_id"


@pytest.mark.parametrize("principal", [ALL, GLOBEX])
async def test_a_client_that_is_not_there_is_unknown_to_every_verb(
    registry_setup: RegistrySetup, principal: Principal
) -> None:
    registry = registry_setup.registry
    for call in (
        registry.add_journey(journey(client_id="globez"), principal),
        registry.list_journeys(principal, "globez"),
        registry.set_state("j1", JourneyState.ACTIVE, principal, "globez"),
        registry.promote("j1", Stage.PILOT, principal, "globez"),
    ):
        with pytest.raises(UnknownClientError) as refusal:
            await call
        assert refusal.value.candidates == ("globex",)


async def test_a_client_that_the_caller_may_not_touch_is_as_unknown_as_none(
    registry_setup: RegistrySetup,
) -> None:
    await registry_setup.registry.add_journey(journey(), ALL)
    registry = registry_setup.registry
    for call in (
        registry.add_journey(journey("j2"), GLOBEX),
        registry.list_journeys(GLOBEX, "acme"),
        registry.set_state("j1", JourneyState.COMPLETED, GLOBEX, "acme"),
    ):
        with pytest.raises(UnknownClientError, match="acme") as refusal:
            await call
        assert refusal.value.candidates == ("globex",)
    with pytest.raises(UnknownJourneyError) as unknown:
        await registry.set_state("j1", JourneyState.COMPLETED, GLOBEX)
    assert unknown.value.candidates == ()
    assert await registry.list_journeys(GLOBEX) == []
    assert await registry_setup.load_journey() == journey()


async def test_a_journey_of_another_client_is_unknown_and_the_clients_own_are_offered(
    registry_setup: RegistrySetup,
) -> None:
    await registry_setup.hold(journey("spring"), journey("autumn", client_id="globex"))
    with pytest.raises(UnknownJourneyError) as theirs:
        await registry_setup.registry.set_state("autumn", JourneyState.COMPLETED, ALL, "acme")
    assert theirs.value.candidates == ()
    with pytest.raises(UnknownJourneyError) as own:
        await registry_setup.registry.set_state("Spring", JourneyState.COMPLETED, ALL, "acme")
    assert own.value.candidates == ("spring",)
    with pytest.raises(UnknownJourneyError) as none:
        await registry_setup.registry.promote("autum", Stage.PILOT, ALL)
    assert none.value.candidates == ("autumn",)


async def test_a_journey_id_that_two_clients_have_needs_the_client(registry_setup: RegistrySetup) -> None:
    await registry_setup.hold(journey(), journey(client_id="globex"))
    with pytest.raises(InvalidArgumentError) as refusal:
        await registry_setup.registry.set_state("j1", JourneyState.PAUSED, ALL)
    assert (refusal.value.field, refusal.value.candidates) == ("client_id", ("acme", "globex"))
    moved = await registry_setup.registry.set_state("j1", JourneyState.PAUSED, ALL, "globex")
    assert moved.journey == journey(client_id="globex", state=JourneyState.PAUSED)
    assert await registry_setup.load_journey() == journey()
    # Who may touch only one of the two means that one.
    moved = await registry_setup.registry.set_state("j1", JourneyState.ACTIVE, GLOBEX)
    assert moved.journey == journey(client_id="globex")


async def test_a_journey_that_cannot_be_read_is_listed_and_never_moved(registry_setup: RegistrySetup) -> None:
    await registry_setup.hold(journey(), journey("j2"), journey(client_id="globex"))
    registry_setup.damage_journey("acme")
    broken = UnreadableRow(what="journey 'j1' of client 'acme'", why="'zombie' is not a valid JourneyState")
    assert await registry_setup.list_journeys(ALL) == [
        broken,
        journey("j2"),
        journey(client_id="globex"),
    ]
    assert await registry_setup.list_journeys(ALL, "acme") == [broken, journey("j2")]
    assert await registry_setup.list_journeys(GLOBEX) == [journey(client_id="globex")]
    with pytest.raises(PreconditionUnknownError) as refusal:
        await registry_setup.registry.set_state("j1", JourneyState.ACTIVE, ALL, "acme")
    assert refusal.value.suggested_action
    # One that cannot be read still has its id: the other client's is not meant by it.
    with pytest.raises(InvalidArgumentError) as which:
        await registry_setup.registry.set_state("j1", JourneyState.COMPLETED, ALL)
    assert which.value.candidates == ("acme", "globex")
    assert await registry_setup.load_journey() == broken


async def test_an_unreadable_journey_that_only_one_client_has_is_not_called_unknown(
    registry_setup: RegistrySetup,
) -> None:
    await registry_setup.hold(journey())
    registry_setup.damage_journey("acme")
    with pytest.raises(PreconditionUnknownError):
        await registry_setup.registry.promote("j1", Stage.PILOT, ALL)
    with pytest.raises(UnknownJourneyError) as refusal:
        await registry_setup.registry.promote("j2", Stage.PILOT, ALL)
    assert refusal.value.candidates == ()


@pytest.mark.parametrize("before", JourneyState)
@pytest.mark.parametrize("after", JourneyState)
async def test_a_journey_moves_as_the_table_says_and_not_otherwise(
    registry_setup: RegistrySetup, before: JourneyState, after: JourneyState
) -> None:
    await registry_setup.hold(journey(state=before))
    if after is before or after in JOURNEY_TRANSITIONS[before]:
        moved = await registry_setup.registry.set_state("j1", after, ALL)
        assert moved == JourneyChange(journey=journey(state=after), exposed=())
        assert await registry_setup.load_journey() == journey(state=after)
    else:
        with pytest.raises(InvalidArgumentError) as refusal:
            await registry_setup.registry.set_state("j1", after, ALL)
        assert refusal.value.candidates == tuple(sorted(JOURNEY_TRANSITIONS[before]))
        assert await registry_setup.load_journey() == journey(state=before)


async def test_a_lapsed_lease_is_seen_by_everybody_at_once(registry_setup: RegistrySetup) -> None:
    await registry_setup.hold(journey(lease_expires_at=NOW))
    [seen] = await registry_setup.list_journeys(ALL)
    assert seen == journey(lease_expires_at=NOW, state=JourneyState.EXPIRED)
    with pytest.raises(InvalidArgumentError, match="is expired"):
        await registry_setup.registry.set_state("j1", JourneyState.COMPLETED, ALL)
    promoted = await registry_setup.registry.promote("j1", Stage.PILOT, ALL)
    assert promoted.journey.state is JourneyState.EXPIRED


@pytest.mark.parametrize(
    "over",
    [
        JourneyState.ACTIVE,
        JourneyState.EXPIRED,
        JourneyState.PAUSED,
        JourneyState.COMPLETED,
        JourneyState.CANCELLED,
    ],
)
async def test_what_is_reopened_is_not_ended_by_a_lease_that_lapsed_before(
    registry_setup: RegistrySetup, over: JourneyState
) -> None:
    await registry_setup.hold(journey(state=over, lease_expires_at=NOW - HOUR))
    moved = await registry_setup.registry.set_state("j1", JourneyState.ACTIVE, ALL)
    assert moved.journey == journey()
    assert await registry_setup.load_journey() == journey()


async def test_a_lease_that_runs_goes_on_through_a_pause(registry_setup: RegistrySetup) -> None:
    await registry_setup.hold(journey(lease_expires_at=NOW + HOUR))
    await registry_setup.registry.set_state("j1", JourneyState.PAUSED, ALL)
    moved = await registry_setup.registry.set_state("j1", JourneyState.ACTIVE, ALL)
    assert moved.journey == journey(lease_expires_at=NOW + HOUR)


def of_every_kind() -> list[Dataset]:
    """Datasets of acme's j1 at sandbox, and some that are none of it."""
    return [
        dataset("d1", dataset_type=TYPES[0]),
        dataset("d2", dataset_type=TYPES[1], status=DatasetStatus.VALIDATING),
        dataset("d3", dataset_type=TYPES[2], status=DatasetStatus.FAILED),
        dataset("d4", dataset_type=TYPES[3], status=DatasetStatus.PROVISIONING),
        dataset("d5", status=DatasetStatus.ARCHIVED),
        dataset("d6", journey_id="j2", stage=Stage.PRODUCTION),
        dataset("d7", stage=Stage.PILOT),
    ]


@pytest.mark.parametrize(
    ("state", "exposes"),
    [
        (JourneyState.COMPLETED, True),
        (JourneyState.CANCELLED, True),
        (JourneyState.EXPIRED, True),
        (JourneyState.PAUSED, False),
        (JourneyState.ACTIVE, False),
    ],
)
async def test_a_move_that_takes_protection_away_names_what_it_exposes(
    registry_setup: RegistrySetup, state: JourneyState, *, exposes: bool
) -> None:
    await registry_setup.hold(journey())
    await registry_setup.have(*of_every_kind())
    moved = await registry_setup.registry.set_state("j1", state, ALL)
    assert [each.dataset_id for each in moved.exposed] == (["d1", "d2", "d4"] if exposes else [])


async def test_a_promotion_names_what_it_leaves_behind_and_goes_forward_only(
    registry_setup: RegistrySetup,
) -> None:
    await registry_setup.hold(journey())
    await registry_setup.have(*of_every_kind())
    stays = await registry_setup.registry.promote("j1", Stage.SANDBOX, ALL)
    assert stays == JourneyChange(journey=journey(), exposed=())
    moved = await registry_setup.registry.promote("j1", Stage.PRODUCTION, ALL)
    assert moved.journey == journey(stage=Stage.PRODUCTION)
    assert [each.dataset_id for each in moved.exposed] == ["d1", "d2", "d4"]
    with pytest.raises(InvalidArgumentError) as refusal:
        await registry_setup.registry.promote("j1", Stage.PILOT, ALL)
    assert refusal.value.field == "stage"
    assert await registry_setup.load_journey() == journey(stage=Stage.PRODUCTION)


async def test_what_was_exposed_already_is_not_exposed_again(registry_setup: RegistrySetup) -> None:
    await registry_setup.hold(journey(state=JourneyState.COMPLETED))
    await registry_setup.have(*of_every_kind())
    assert (await registry_setup.registry.promote("j1", Stage.PILOT, ALL)).exposed == ()


@pytest.mark.parametrize("over", [JourneyState.COMPLETED, JourneyState.CANCELLED, JourneyState.EXPIRED])
async def test_to_be_protected_again_is_a_use_so_grace_begins_anew(
    registry_setup: RegistrySetup, over: JourneyState
) -> None:
    mark = OrphanMark(orphaned_at=NOW - 8 * 24 * HOUR, reason=f"journey_{over}", served=7 * 86400.0)
    await registry_setup.hold(journey(state=over))
    await registry_setup.have(*(replace(each, orphan=mark) for each in of_every_kind()))
    before = await registry_setup.load_dataset("d1")
    assert current_orphan_mark(before) == mark
    await registry_setup.registry.set_state("j1", JourneyState.ACTIVE, ALL)
    await registry_setup.registry.set_state("j1", JourneyState.COMPLETED, ALL)
    after = await registry_setup.load_dataset("d1")
    assert after == replace(before, last_used_at=NOW, orphan=None, generation=before.generation + 2)
    assert current_orphan_mark(after) is None
    assert (await registry_setup.load_dataset("d3")).last_used_at == NOW
    assert (await registry_setup.load_dataset("d7")).last_used_at < NOW


async def test_a_use_ends_a_mark_that_a_clock_ahead_has_put_into_the_future(
    registry_setup: RegistrySetup,
) -> None:
    mark = OrphanMark(orphaned_at=NOW + 24 * HOUR, reason="journey_completed", served=6 * 86400.0)
    await registry_setup.hold(journey(state=JourneyState.COMPLETED))
    await registry_setup.have(*(replace(each, orphan=mark) for each in of_every_kind()))
    await registry_setup.registry.set_state("j1", JourneyState.ACTIVE, ALL)
    await registry_setup.registry.set_state("j1", JourneyState.COMPLETED, ALL)
    assert (await registry_setup.load_dataset("d1")).orphan is None
