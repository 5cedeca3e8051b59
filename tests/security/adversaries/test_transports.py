"""Sequences over each transport in each era, on real servers, against the same oracle."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.model.enums import DatasetStatus
from tests.support.adversaries.actors import DELEGATE
from tests.support.adversaries.arena import ERAS, JOURNEYS
from tests.support.adversaries.attempts import STATUS, CheckedCalls
from tests.support.adversaries.oracle import Journey
from tests.support.adversaries.random_sequences import RandomSequences
from tests.support.adversaries.run_statistics import RunStatistics
from tests.support.adversaries.transports import KIM, open_http_server, open_stdio_server
from tests.support.servers.token_issuer import TokenIssuer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.support.adversaries.actors import McpActor
    from tests.support.adversaries.transports import RunningServer

SEQUENCES = [12, pytest.param(50, marks=pytest.mark.exhaustive)]
LEGACY, NEWER = ERAS
LONG = pytest.mark.exhaustive
"""Each transport and each era is played every time, and each transport in the other era with the long matrices."""
PATIENCE_S = 300


@pytest.fixture(scope="module")
def issuer() -> TokenIssuer:
    made = TokenIssuer()
    made.add_key("two", "ES256")
    return made


async def play_sequences(
    place: AbstractAsyncContextManager[RunningServer], figures: RunStatistics, era: str, sequences: int
) -> None:
    with anyio.fail_after(PATIENCE_S):
        async with place as played:
            world = CheckedCalls(arena=played.ground, actors=played.actors, figures=figures)
            world.oracle.asks = played.asks
            for client, name in JOURNEYS:
                world.oracle.journeys[client, name] = Journey(client, name, "sandbox")
            sample = RandomSequences(played, world, era, Random())
            for number in range(sequences):
                await sample.play_sequence(number)
                await check_datasets(world)
            await world.check_audit_log()
    assert figures.deletions > 0
    assert (figures.sequences, figures.wrongful, figures.leaks) == (sequences, 0, 0)


async def check_datasets(world: CheckedCalls) -> None:
    """What the store says of each dataset is what the oracle says."""
    stands = {each.dataset_id: each.status.value for each in await world.arena.load_datasets()}
    expected = {name: STATUS.get(each.state, each.state) for name, each in world.oracle.datasets.items()}
    leaving = {name for name, status in stands.items() if status in {"teardown", "archived"}}
    world.figures.wrongful += sum(expected.get(name) not in {"teardown", "archived"} for name in leaving)
    assert stands == expected


@pytest.mark.parametrize("sequences", SEQUENCES)
@pytest.mark.parametrize("era", [LEGACY, pytest.param(NEWER, marks=LONG)])
async def test_over_stdio_nothing_goes_and_nothing_shows_that_should_not(
    tmp_path: Path, era: str, sequences: int, record_property: Callable[[str, object], None]
) -> None:
    figures = RunStatistics(f"stdio {era}")
    await play_sequences(open_stdio_server(tmp_path / "data", era), figures, era, sequences)
    figures.record(record_property)


@pytest.mark.parametrize("sequences", SEQUENCES)
@pytest.mark.parametrize("era", [pytest.param(LEGACY, marks=LONG), NEWER])
async def test_nor_over_http(
    tmp_path: Path,
    issuer: TokenIssuer,
    era: str,
    sequences: int,
    record_property: Callable[[str, object], None],
) -> None:
    figures = RunStatistics(f"http {era}")
    await play_sequences(open_http_server(tmp_path / "data", era, issuer), figures, era, sequences)
    figures.record(record_property)


@pytest.mark.parametrize("era", ERAS)
async def test_over_http_an_agent_that_answers_its_own_question_gets_nowhere(
    tmp_path: Path, issuer: TokenIssuer, era: str
) -> None:
    with anyio.fail_after(PATIENCE_S):
        async with open_http_server(tmp_path / "data", era, issuer) as played:
            agent, wanted = await prepare_manual_teardown(played, era)
            refused = await agent.call("teardown_dataset", wanted, era)
            assert refused.error is not None
            assert (refused.code, refused.error["how"]) == ("confirmation_required", "approval")
            assert agent.answers.shown == []
            [held] = await played.ground.load_datasets()
            assert held.status is DatasetStatus.READY
            # Its own token does not answer the request either; a person's does.
            approval_id = str(refused.error["approval_id"])
            code, _ = await played.ground.answer_approval(DELEGATE, approval_id, yes=True, typed=held.name)
            assert code == "forbidden"
            assert await played.ground.answer_approval(KIM, approval_id, yes=True, typed=held.name)
            down = await agent.call("teardown_dataset", wanted, era)
            assert down.body is not None
            assert down.body["status"] == "archived"


async def test_over_http_a_person_is_asked_in_the_callers_program_only_when_an_operator_says_so(
    tmp_path: Path, issuer: TokenIssuer
) -> None:
    trusting = "  confirmation: {sandbox: elicitation}\n"
    with anyio.fail_after(PATIENCE_S):
        async with open_http_server(tmp_path / "data", NEWER, issuer, trusting) as played:
            agent, wanted = await prepare_manual_teardown(played, NEWER)
            down = await agent.call("teardown_dataset", wanted, NEWER)
            assert down.body is not None
            assert len(agent.answers.shown) == 1


async def prepare_manual_teardown(played: RunningServer, era: str) -> tuple[McpActor, dict[str, object]]:
    """An agent with forms, which types whatever name it is asked for, and a teardown that needs a person."""
    agent, client, journey = played.actors[played.operator], *JOURNEYS[0]
    made = await agent.call(
        "provision_dataset",
        {
            "client_id": client,
            "journey_id": journey,
            "stage": "sandbox",
            "dataset_type": "confluence_pages",
            "wait_s": 50,
        },
        era,
    )
    assert made.body is not None
    assert await played.ground.move_journey(client, journey, state="completed") == "ok"
    agent.answers.how = "name"
    return agent, {"dataset_id": made.body["dataset_id"], "reason": "manual", "wait_s": 50}
