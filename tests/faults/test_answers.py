"""Answers of the Indexing dialect that matter most, lost, and a Glean that is as slow as it says it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from domain.job import Policy
from domain.vocabulary import DatasetStatus
from server.sandbox.faults import Fault
from server.sandbox.indexing.switches import AS_DOCUMENTED
from tests.faults.scenes import INDEXING_SCENES, NEW, OLD, opened, the_dataset
from tests.faults.striking import Case, break_at, strike
from tests.faults.truth import sight, truthful
from tests.gleaning import PAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.conftest import Stage
    from tests.world import World

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
    stage: Stage, read: Callable[[], str], scene: str, operation: str, nth: int, kind: str
) -> None:
    ended = await strike(stage, Case(scene, operation, nth, kind, lasting=False), read)

    assert ended == ("archived" if scene == TEARDOWN else "ready")


@pytest.mark.parametrize("forgives", [False, True])
async def test_a_last_page_whose_answers_are_all_lost_ends_in_what_it_was_before(
    stage: Stage, read: Callable[[], str], *, forgives: bool
) -> None:
    def lose(place: World) -> None:
        place.glean.turn(forgives_last_page=forgives)
        place.glean.faults.add(
            Fault(kind="drop_after", operation="bulkindexdocuments", skip=NEW_PAGES, times=4)
        )

    ended = await break_at(stage, RETRY, read, before_it=lose, mend=lambda _: None)

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
    stage: Stage, scene: str, slow: dict[str, float]
) -> None:
    acted = INDEXING_SCENES[scene]
    policy = replace(Policy(), sync_deadline=DEADLINE, stop_deadline=DEADLINE)
    async with opened(await stage.fresh(scene), policy) as place, place.process() as process:
        before = sight(place)
        place.glean.turn(**{**AS_DOCUMENTED, **slow})
        await acted.act(process)  # its own wait is over at once, by this clock
        await process.engine.wait(list(place.journal)[-1], 30)
        ended = await the_dataset(process)
        if scene == RETRY:
            place.clock.ahead += timedelta(seconds=DAY_S)  # what the retry lacks is deleted in the background
        await truthful(place, process, before, None, ended)
        assert ended.status is (DatasetStatus.ARCHIVED if scene == TEARDOWN else DatasetStatus.READY)
