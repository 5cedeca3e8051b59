"""Sequences over each transport in each era, on real servers, against the same oracle."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.support.adversaries.arena import ERAS, JOURNEYS
from tests.support.adversaries.attempts import STATUS, CheckedCalls
from tests.support.adversaries.oracle import Journey
from tests.support.adversaries.random_sequences import RandomSequences
from tests.support.adversaries.run_statistics import RunStatistics
from tests.support.adversaries.transports import open_http_server, open_stdio_server
from tests.support.servers.token_issuer import TokenIssuer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

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
