"""Answers of the Indexing dialect that matter most, lost, and a Glean that is as slow as it says it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from domain.model.enums import DatasetStatus
from domain.model.settings import LifecycleSettings
from tests.support.glean.datasources import PAGE
from tests.support.resilience.faults.injection import FaultCase, run_with_breakage, run_with_fault
from tests.support.resilience.faults.invariants import capture_external_state, check_consistency
from tests.support.resilience.faults.scenarios import (
    INDEXING_SCENARIOS,
    NEW,
    OLD,
    load_only_dataset,
    open_scenario,
)
from tests.support.sandbox.faults import Fault
from tests.support.sandbox.settings import DOCUMENTED_DELAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.resilience.faults.conftest import ScenarioRunner
    from tests.support.world import World

PROVISION, RETRY, TEARDOWN = "indexing: provision", "indexing: retry", "indexing: teardown"
FIRST: Final = 0
OLD_PAGES, NEW_PAGES = -(-len(OLD) // PAGE), -(-len(NEW) // PAGE)
LOST: Final = [
    (PROVISION, "adddatasource", 0),
    (PROVISION, "bulkindexdocuments", FIRST),
    (PROVISION, "bulkindexdocuments", FIRST + 1),
    (PROVISION, "bulkindexdocuments", OLD_PAGES),
    (RETRY, "bulkindexdocuments", NEW_PAGES),
    (TEARDOWN, "bulkindexdocuments", FIRST),
    (TEARDOWN, "bulkindexusers", FIRST),
    (TEARDOWN, "adddatasource", 0),
]
DEADLINE: Final = timedelta(hours=4)
DAY_S: Final = 86_400.0


@pytest.mark.parametrize("kind", ["drop-after", "500-after-the-effect", "garbage"])
@pytest.mark.parametrize(("scene", "operation", "nth"), LOST)
async def test_an_effect_whose_answer_is_lost_is_neither_missed_nor_done_twice(
    scenario_runner: ScenarioRunner,
    read_output: Callable[[], str],
    scene: str,
    operation: str,
    nth: int,
    kind: str,
) -> None:
    ended = await run_with_fault(
        scenario_runner, FaultCase(scene, operation, nth, kind, lasting=False), read_output
    )

    assert ended == ("archived" if scene == TEARDOWN else "ready")


@pytest.mark.parametrize("forgives", [False, True])
async def test_a_last_page_whose_answers_are_all_lost_ends_in_what_it_was_before(
    scenario_runner: ScenarioRunner, read_output: Callable[[], str], *, forgives: bool
) -> None:
    def lose(place: World) -> None:
        place.glean.set_switches(forgives_last_page=forgives)
        place.glean.faults.add(
            Fault(kind="drop_after", operation="bulkindexdocuments", skip=NEW_PAGES, times=4)
        )

    ended = await run_with_breakage(scenario_runner, RETRY, read_output, before_it=lose, mend=lambda _: None)

    assert ended == "validating: platform_unavailable at index"


@pytest.mark.parametrize("scene", [PROVISION, RETRY, TEARDOWN])
@pytest.mark.parametrize(
    "slow",
    [
        {},
        pytest.param({"deletion_s": 1800.0}, marks=pytest.mark.exhaustive),
        pytest.param({"counts_lag_s": 0.0, "deletion_s": DAY_S / 12}, marks=pytest.mark.exhaustive),
    ],
)
async def test_a_glean_as_slow_as_it_says_is_waited_for(
    scenario_runner: ScenarioRunner, scene: str, slow: dict[str, float]
) -> None:
    acted = INDEXING_SCENARIOS[scene]
    policy = replace(LifecycleSettings(), sync_deadline=DEADLINE, stop_deadline=DEADLINE)
    async with (
        open_scenario(await scenario_runner.copy_prepared(scene), policy) as place,
        place.open_process() as process,
    ):
        before = capture_external_state(place)
        place.glean.set_switches(**{**DOCUMENTED_DELAYS, **slow})
        await acted.act(process)  # its own wait is over at once, by this clock
        await process.engine.wait(list(place.journal)[-1], 30)
        ended = await load_only_dataset(process)
        if scene == RETRY:
            place.clock.ahead += timedelta(seconds=DAY_S)  # what the retry lacks is deleted in the background
        await check_consistency(place, process, before, None, ended)
        assert ended.status is (DatasetStatus.ARCHIVED if scene == TEARDOWN else DatasetStatus.READY)
