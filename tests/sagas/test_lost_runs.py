"""A run that somebody else's upload displaced is pushed again; what an emptied attempt leaves is still told later."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import PlatformRunLostError, ProvisionFailedError, StagingFailedError
from domain.vocabulary import ConnectorOutcome, DatasetStatus, TeardownReason
from server.adapters.glean.admin import AdminGlean
from server.adapters.glean.indexing import IndexingGlean
from tests.world import world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from domain.job import Outside
    from tests.world import Process, World

LOST = PlatformRunLostError("Another upload took the place of this run's.")
TRIES = 3


class Failing:
    """A platform of which one call fails so many times; how often each was asked for is counted."""

    def __init__(self, platform: object, name: str, error: Exception, times: int) -> None:
        self._platform = platform
        self._name = name
        self._error = error
        self._times = times
        self.asked: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands in for any port
        found = getattr(self._platform, name)
        if name not in {"push", "sync", self._name}:
            return found

        async def watched(*given: object) -> object:
            self.asked[name] = self.asked.get(name, 0) + 1
            if name == self._name and self._times:
                self._times -= 1
                raise self._error
            return await found(*given)

        return watched


@asynccontextmanager
async def failing(
    folder: Path,
    dialect: type[AdminGlean | IndexingGlean],
    name: str,
    times: int,
    error: Exception = LOST,
) -> AsyncIterator[tuple[World, Process, Callable[[], Failing]]]:
    made: list[Failing] = []

    def put(outside: Outside) -> Outside:
        made.append(Failing(outside.platform, name, error, times))
        return replace(outside, platform=made[0])

    async with world(folder, records=6, dialect=dialect) as place, place.process(replace=put) as process:
        await process.arrive()
        yield place, process, lambda: made[0]


@pytest.mark.parametrize(
    ("name", "times", "asked"),
    [
        ("push", 1, {"push": 2, "sync": 1}),
        ("push", TRIES - 1, {"push": 3, "sync": 1}),
        ("sync", 1, {"push": 2, "sync": 2}),
        ("sync", TRIES - 1, {"push": 3, "sync": 3}),
    ],
)
async def test_a_run_that_was_lost_is_pushed_again(
    tmp_path: Path, name: str, times: int, asked: dict[str, int]
) -> None:
    async with failing(tmp_path, IndexingGlean, name, times) as (place, process, platform):
        dataset = await process.provision()

        assert (dataset.status, platform().asked) == (DatasetStatus.READY, asked)
        [source] = place.glean.datasources()
        assert source["documentCount"] == 6


@pytest.mark.parametrize(("name", "step"), [("push", "push"), ("sync", "index")])
async def test_a_run_that_is_lost_every_time_fails_the_provision(
    tmp_path: Path, name: str, step: str
) -> None:
    async with failing(tmp_path, IndexingGlean, name, 100) as (_, process, platform):
        with pytest.raises(ProvisionFailedError) as caught:
            await process.provision()

        assert (caught.value.facts["step"], caught.value.facts["cause"]) == (step, "platform_invalid")
        assert platform().asked[name] == TRIES


@pytest.mark.parametrize(
    ("dialect", "outcome"),
    [(IndexingGlean, ConnectorOutcome.EMPTIED), (AdminGlean, ConnectorOutcome.DELETED)],
)
async def test_the_teardown_of_a_failed_dataset_tells_what_its_attempt_left_behind(
    tmp_path: Path, dialect: type[AdminGlean | IndexingGlean], outcome: ConnectorOutcome
) -> None:
    broken = StagingFailedError("It is broken.")
    async with failing(tmp_path, dialect, "observe", 100, broken) as (place, process, _):
        with pytest.raises(ProvisionFailedError) as caught:
            await process.provision()
        assert len(place.glean.datasources()) == (outcome is ConnectorOutcome.EMPTIED)

        gone = await process.tear_down(caught.value.facts["dataset_id"], TeardownReason.PROVISION_FAILED)

        assert gone.teardown is not None
        assert gone.teardown.connector_outcome is outcome
        step = gone.teardown.manual_step
        assert (step is not None and "Admin console" in step) is (outcome is ConnectorOutcome.EMPTIED)


async def test_the_teardown_of_a_dataset_that_never_had_a_connector_leaves_nothing(tmp_path: Path) -> None:
    broken = StagingFailedError("It is broken.")
    async with failing(tmp_path, IndexingGlean, "fingerprint", 1, broken) as (_, process, _platform):
        with pytest.raises(ProvisionFailedError) as caught:
            await process.provision()

        gone = await process.tear_down(caught.value.facts["dataset_id"], TeardownReason.PROVISION_FAILED)

        assert gone.teardown is not None
        assert (gone.teardown.connector_outcome, gone.teardown.manual_step) == (
            ConnectorOutcome.DELETED,
            None,
        )
