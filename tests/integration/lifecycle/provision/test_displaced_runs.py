"""A run that somebody else's upload displaced is pushed again; what an emptied attempt leaves is still told later."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import (
    PlatformDeniedError,
    PlatformRunLostError,
    ProvisionFailedError,
    StagingFailedError,
)
from domain.model.enums import ConnectorOutcome, DatasetStatus, TeardownReason
from server.adapters.glean.admin.platform import AdminPlatform
from server.adapters.glean.indexing.platform import IndexingPlatform
from tests.support.world import open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from domain.lifecycle.sagas.context import Dependencies
    from tests.support.world import Process, World

LOST = PlatformRunLostError("Another upload replaced the one of this run.")
TRIES = 3


class FailingPlatform:
    """A platform of which one call fails so many times; how often each was asked for is counted."""

    def __init__(self, platform: object, name: str, error: Exception, times: int) -> None:
        assert hasattr(platform, name), name
        self._platform = platform
        self._name = name
        self._error = error
        self._times = times
        self.asked: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands in for any port
        found = getattr(self._platform, name)
        if name not in {"push", "start_sync", self._name}:
            return found

        async def count_call(*given: object) -> object:
            self.asked[name] = self.asked.get(name, 0) + 1
            if name == self._name and self._times:
                self._times -= 1
                raise self._error
            return await found(*given)

        return count_call


@asynccontextmanager
async def open_failing_world(
    folder: Path,
    dialect: type[AdminPlatform | IndexingPlatform],
    name: str,
    times: int,
    error: Exception = LOST,
) -> AsyncIterator[tuple[World, Process, Callable[[], FailingPlatform]]]:
    made: list[FailingPlatform] = []

    def put(deps: Dependencies) -> Dependencies:
        made.append(FailingPlatform(deps.platform, name, error, times))
        return replace(deps, platform=made[0])

    async with (
        open_world(folder, records=6, dialect=dialect) as place,
        place.open_process(replace=put) as process,
    ):
        await process.add_client_and_journey()
        yield place, process, lambda: made[0]


@pytest.mark.parametrize(
    ("name", "times", "asked"),
    [
        ("push", 1, {"push": 2, "start_sync": 1}),
        ("push", TRIES - 1, {"push": 3, "start_sync": 1}),
        ("start_sync", 1, {"push": 2, "start_sync": 2}),
        ("start_sync", TRIES - 1, {"push": 3, "start_sync": 3}),
    ],
)
async def test_a_run_that_was_lost_is_pushed_again(
    tmp_path: Path, name: str, times: int, asked: dict[str, int]
) -> None:
    async with open_failing_world(tmp_path, IndexingPlatform, name, times) as (place, process, platform):
        dataset = await process.provision()

        assert (dataset.status, platform().asked) == (DatasetStatus.READY, asked)
        [source] = place.glean.datasources()
        assert source["documentCount"] == 6


@pytest.mark.parametrize(("name", "step"), [("push", "push"), ("start_sync", "index")])
async def test_a_run_that_is_lost_every_time_fails_the_provision(
    tmp_path: Path, name: str, step: str
) -> None:
    async with open_failing_world(tmp_path, IndexingPlatform, name, 100) as (_, process, platform):
        with pytest.raises(ProvisionFailedError) as caught:
            await process.provision()

        assert (caught.value.facts["step"], caught.value.facts["cause"]) == (step, "platform_invalid")
        assert platform().asked[name] == TRIES


@pytest.mark.parametrize(
    ("dialect", "outcome"),
    [(IndexingPlatform, ConnectorOutcome.EMPTIED), (AdminPlatform, ConnectorOutcome.DELETED)],
)
async def test_the_teardown_of_a_failed_dataset_tells_what_its_attempt_left_behind(
    tmp_path: Path, dialect: type[AdminPlatform | IndexingPlatform], outcome: ConnectorOutcome
) -> None:
    broken = StagingFailedError("It is broken.")
    async with open_failing_world(tmp_path, dialect, "observe", 100, broken) as (place, process, _):
        with pytest.raises(ProvisionFailedError) as caught:
            await process.provision()
        assert len(place.glean.datasources()) == (outcome is ConnectorOutcome.EMPTIED)

        gone = await process.tear_down(caught.value.facts["dataset_id"], TeardownReason.PROVISION_FAILED)

        assert gone.teardown is not None
        assert gone.teardown.connector_outcome is outcome
        step = gone.teardown.manual_step
        assert (step is not None and "Admin console" in step) is (outcome is ConnectorOutcome.EMPTIED)


async def test_the_teardown_of_a_dataset_that_never_had_a_connector_leaves_nothing(tmp_path: Path) -> None:
    broken = PlatformDeniedError("It is broken.")
    async with open_failing_world(tmp_path, IndexingPlatform, "fetch_fingerprint", 2, broken) as (
        _,
        process,
        _platform,
    ):
        with pytest.raises(ProvisionFailedError) as caught:
            await process.provision()

        gone = await process.tear_down(caught.value.facts["dataset_id"], TeardownReason.PROVISION_FAILED)

        assert gone.teardown is not None
        assert (gone.teardown.connector_outcome, gone.teardown.manual_step) == (None, None)
        assert gone.teardown.restorable_until is None
