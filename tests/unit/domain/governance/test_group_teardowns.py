"""Taking all of a client's or a journey's datasets down: which are planned, and what ends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from domain.errors import (
    InvalidArgumentError,
    JourneyActiveError,
    LifecycleError,
    StoreFailedError,
    UnknownClientError,
)
from domain.governance.group_teardowns import GroupTeardownService
from domain.lifecycle import TeardownResult
from domain.model.approval import ConfirmationRequest
from domain.model.enums import DatasetStatus, DatasetType, TeardownReason
from domain.model.principal import Principal
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import client, dataset, journey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.lifecycle import TeardownService
    from domain.model.approval import Confirmer
    from domain.model.dataset import Dataset
    from domain.ports import UnitOfWork

REASON = TeardownReason.JOURNEY_COMPLETED
KIM = Principal(subject="person:kim")
ACTIVE = JourneyActiveError("It is in use.")
BROKEN = StoreFailedError("The disk is gone.")


@dataclass
class ScriptedTeardowns:
    """Refuses what it is told to, when it is looked at or when it is begun."""

    seen: dict[str, Dataset]
    looked_at: dict[str, LifecycleError] = field(default_factory=dict)
    begun: dict[str, LifecycleError] = field(default_factory=dict)
    calls: list[tuple[str, int | None]] = field(default_factory=list)

    async def preview(
        self, dataset_id: str, reason: TeardownReason, principal: Principal
    ) -> ConfirmationRequest | None:
        if dataset_id in self.looked_at:
            raise self.looked_at[dataset_id]
        held = self.seen[dataset_id]
        if held.status is DatasetStatus.TEARDOWN:
            return None
        return ConfirmationRequest(
            dataset=held, reason=reason, requester=principal.subject, generation=held.generation
        )

    async def start_or_attach(
        self,
        dataset_id: str,
        reason: TeardownReason,
        principal: Principal,
        confirmer: Confirmer | None = None,
        *,
        generation: int | None = None,
    ) -> TeardownResult:
        assert (reason, principal, confirmer) == (REASON, KIM, None)
        self.calls.append((dataset_id, generation))
        if dataset_id in self.begun:
            raise self.begun[dataset_id]
        return TeardownResult(dataset=self.seen[dataset_id])


@dataclass
class Group:
    """A group teardown service over real rows, and scripted teardowns."""

    service: GroupTeardownService
    teardowns: ScriptedTeardowns

    async def start(self, client_id: str | None = "acme") -> dict[str, TeardownResult | LifecycleError]:
        plan = await self.service.plan(REASON, KIM, client_id=client_id)
        return {each.dataset_id: ended async for each, ended in self.service.start(plan, KIM, None)}


@pytest.fixture
async def group(tmp_path: Path) -> AsyncIterator[Group]:
    rows = [
        dataset("d1"),
        dataset("d2", dataset_type=DatasetType.JIRA_ISSUES, journey_id="j2", generation=4),
        dataset("d3", dataset_type=DatasetType.GITHUB_REPOS, status=DatasetStatus.TEARDOWN),
        dataset("d4", dataset_type=DatasetType.SLACK_MESSAGES, status=DatasetStatus.ARCHIVED),
        dataset("g1", client_id="globex"),
    ]

    def put(uow: UnitOfWork) -> None:
        for each in ("acme", "globex"):
            uow.clients.put(client(each))
            uow.journeys.put(journey(client_id=each))
        uow.journeys.put(journey("j2"))
        for row in rows:
            uow.datasets.put(row)

    async with SqliteStore(tmp_path / "store.db") as store:
        await store.transact(put)
        teardowns = ScriptedTeardowns({each.dataset_id: each for each in rows})
        yield Group(GroupTeardownService(store, cast("TeardownService", teardowns)), teardowns)


@pytest.mark.parametrize(
    ("whose", "planned", "claimed"),
    [
        ({"client_id": "acme"}, ["d1", "d2"], ["d3"]),
        ({"client_id": "acme", "journey_id": "j1"}, ["d1"], ["d3"]),
        ({"journey_id": "j2"}, ["d2"], []),
        ({"client_id": "globex"}, ["g1"], []),
    ],
)
async def test_the_live_datasets_of_a_client_or_a_journey_are_planned_and_no_other(
    group: Group, whose: dict[str, str], planned: list[str], claimed: list[str]
) -> None:
    plan = await group.service.plan(REASON, KIM, **whose)
    assert [each.dataset.dataset_id for each in plan.requests] == planned
    assert [each.dataset_id for each in plan.claimed] == claimed
    assert plan.refused == ()


async def test_what_cannot_be_meant_is_refused(group: Group) -> None:
    with pytest.raises(UnknownClientError):
        await group.service.plan(REASON, KIM, client_id="initech")
    with pytest.raises(UnknownClientError):
        await group.service.plan(REASON, Principal(subject="k", clients=frozenset()), client_id="acme")
    with pytest.raises(InvalidArgumentError, match="Several clients"):
        await group.service.plan(REASON, KIM, journey_id="j1")


async def test_each_is_begun_at_the_generation_that_was_shown_and_a_refusal_stops_no_other(
    group: Group,
) -> None:
    group.teardowns.begun = {"d1": ACTIVE}
    ended = await group.start()
    assert ended == {
        "d1": ACTIVE,
        **{each: TeardownResult(dataset=group.teardowns.seen[each]) for each in ("d2", "d3")},
    }
    assert group.teardowns.calls == [("d1", 1), ("d2", 4), ("d3", None)]


async def test_one_that_is_refused_beforehand_is_not_begun(group: Group) -> None:
    group.teardowns.looked_at = {"d2": ACTIVE}
    plan = await group.service.plan(REASON, KIM, client_id="acme")
    assert plan.refused == ((group.teardowns.seen["d2"], ACTIVE),)
    assert set(await group.start()) == {"d1", "d3"}


@pytest.mark.parametrize("when", ["looked_at", "begun"])
async def test_a_store_that_fails_ends_it(group: Group, when: str) -> None:
    setattr(group.teardowns, when, {"d1": BROKEN})
    with pytest.raises(StoreFailedError):
        await group.start()
    assert group.teardowns.calls in ([], [("d1", 1)])
