"""A dataset in teardown has its teardown; any other is no such thing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.errors import InvariantError
from domain.lifecycle.teardown.in_teardown import DatasetInTeardown
from domain.model.dataset import Teardown
from domain.model.enums import DatasetStatus, TeardownReason
from domain.model.run import Run
from tests.support.entities import DATASET, NOW

TEARDOWN = Teardown(
    reason=TeardownReason.ORPHANED, requester="op", former_status=DatasetStatus.READY, started_at=NOW
)
CLAIMED = replace(DATASET, status=DatasetStatus.TEARDOWN, teardown=TEARDOWN)


def test_its_progress_is_kept_with_the_dataset() -> None:
    claimed = DatasetInTeardown.of(CLAIMED)

    changed = claimed.with_progress(disconnecting=True)

    assert claimed.teardown == TEARDOWN
    assert changed == replace(CLAIMED, teardown=replace(TEARDOWN, disconnecting=True))


def test_a_dataset_that_no_teardown_has_claimed_is_a_bug() -> None:
    with pytest.raises(InvariantError, match="a claim gives a dataset its teardown"):
        DatasetInTeardown.of(DATASET)


def test_only_a_teardown_that_nothing_works_on_is_stalled() -> None:
    run = Run.start("teardown", DATASET.dataset_id, 1, NOW)
    given_back = replace(DATASET, teardown=TEARDOWN)

    assert CLAIMED.stalled_teardown == TEARDOWN
    assert [each.stalled_teardown for each in (replace(CLAIMED, run=run), given_back, DATASET)] == [None] * 3
