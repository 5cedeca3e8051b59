"""The world moves while a question is open: the answer, right as it is, is worth only what was shown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from mcp_types import ElicitResult

from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage, TeardownReason
from tests.integration.tools.conftest import open_tool_session
from tests.support.adversaries.arena import ERAS
from tests.support.world import OPERATOR, World, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from mcp.client.context import ClientRequestContext
    from mcp_types import ElicitRequestParams

    from domain.model.dataset import Dataset
    from tests.integration.tools.conftest import ToolSession

    Moves = Callable[[ToolSession, World, Dataset], Awaitable[object]]

NAME: Final = "ACME-Sandbox-Confluence"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, records=3) as found:
        yield found


class OneTimePerson:
    """Somebody who types the right name, once; while they type, the world moves. After that they decline."""

    def __init__(self) -> None:
        self.asked = 0
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.asked += 1
        if self.asked > 1 or self.meanwhile is None:
            return ElicitResult(action="decline")
        await self.meanwhile()
        return ElicitResult(action="accept", content={"dataset_name": NAME})


async def reopen(served: ToolSession, place: World, dataset: Dataset) -> None:
    await served.process.services.registry.set_state("j1", JourneyState.ACTIVE, OPERATOR)


async def protect(served: ToolSession, place: World, dataset: Dataset) -> None:
    until = place.clock.now() + timedelta(days=1)
    await served.process.services.leases.protect_dataset(dataset.dataset_id, until, OPERATOR, person=True)


async def protected_and_free_again(served: ToolSession, place: World, dataset: Dataset) -> None:
    await protect(served, place, dataset)
    await served.process.services.leases.unprotect_dataset(dataset.dataset_id, OPERATOR, person=True)


async def reopened_renewed_and_over_again(served: ToolSession, place: World, dataset: Dataset) -> None:
    await reopen(served, place, dataset)
    await served.process.services.leases.renew_lease("j1", timedelta(hours=1), OPERATOR, person=True)


async def promote(served: ToolSession, place: World, dataset: Dataset) -> None:
    await served.process.services.registry.promote("j1", Stage.PILOT, OPERATOR)


async def torn_down(served: ToolSession, place: World, dataset: Dataset) -> None:
    await served.process.tear_down(dataset, TeardownReason.JOURNEY_COMPLETED)


KEEPING: Final = [reopen, promote, protect, protected_and_free_again, reopened_renewed_and_over_again]


async def teardown_with_change(
    served: ToolSession, place: World, person: OneTimePerson, moves: Moves
) -> tuple[Dataset, Any]:
    """What a teardown by hand came to, of a dataset whose journey is over, with the world moving meanwhile."""
    await served.process.add_client_and_journey()
    dataset = await served.process.provision()
    await served.process.complete_journey()

    async def meanwhile() -> None:
        await moves(served, place, dataset)

    person.meanwhile = meanwhile
    given = {"dataset_id": dataset.dataset_id, "reason": "manual"}
    return dataset, await served.client.call_tool("teardown_dataset", given)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("moves", KEEPING, ids=lambda each: each.__name__)
async def test_an_answer_to_what_is_no_longer_so_takes_nothing_down(
    world: World, era: str, moves: Moves
) -> None:
    person = OneTimePerson()
    async with open_tool_session(world, mode=era, person=person) as served:
        dataset, result = await teardown_with_change(served, world, person, moves)
        assert result.is_error
        assert (await served.process.load_dataset(dataset.dataset_id)).status is DatasetStatus.READY
        assert len(world.glean.documents(NAME)) == 3
        assert person.asked in {1, 2}


@pytest.mark.parametrize("era", ERAS)
async def test_an_answer_about_what_has_gone_meanwhile_tells_how_it_went(world: World, era: str) -> None:
    person = OneTimePerson()
    async with open_tool_session(world, mode=era, person=person) as served:
        dataset, result = await teardown_with_change(served, world, person, torn_down)
        down = await served.process.load_dataset(dataset.dataset_id)
        assert (down.status, down.teardown and down.teardown.run) == (DatasetStatus.ARCHIVED, 1)
        assert not result.is_error, result.content
        assert result.structured_content["status"] == "archived"
        assert dataset.dataset_type is DatasetType.CONFLUENCE_PAGES
