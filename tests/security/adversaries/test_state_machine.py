"""Thousands of calls by everybody at once, in sequences that hypothesis makes up, against the oracle."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, cast

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.adversaries.arena import AgentSessions
from tests.support.adversaries.machine.sequence_runner import SequenceRunner
from tests.support.adversaries.machine.state_machine import EveryActorMachine
from tests.support.adversaries.run_statistics import RunStatistics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEQUENCES = 4
CALLS = 50 * SEQUENCES
DELETIONS = SEQUENCES // 4
"""Fewer would mean that the sequences do nothing worth forbidding."""

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)


def run_state_machine(
    folder: Path, figures: RunStatistics, sequences: int, steps: int, part: int | None = None
) -> None:
    """Run that many sequences; those of a part are others than those of any other part."""
    crowd, left = AgentSessions(), ExitStack()
    portal = left.enter_context(start_blocking_portal())
    left.enter_context(portal.wrap_async_context_manager(crowd.connect()))
    machine = cast(
        "type[EveryActorMachine]", partial(EveryActorMachine, SequenceRunner(portal, crowd, folder, figures))
    )
    try:
        run_state_machine_as_test(
            machine if part is None else seed(part)(machine),
            settings=settings(
                derandomize=part is None and settings().derandomize,
                max_examples=sequences,
                stateful_step_count=steps,
                deadline=None,
                phases=(
                    Phase.explicit,
                    Phase.reuse,
                    Phase.generate,
                ),  # a shorter way to a fault costs minutes
                suppress_health_check=SLOW,
            ),
        )
    finally:
        left.close()  # not as a context: what fails is the sequence's, and not the sessions' to wrap


def test_no_sequence_of_calls_deletes_what_the_rules_keep_or_tells_of_another_tenant(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    figures = RunStatistics("in memory")
    run_state_machine(tmp_path, figures, SEQUENCES, 50)
    figures.record(record_property)
    assert figures.calls > CALLS
    assert figures.deletions > DELETIONS
    assert (figures.wrongful, figures.leaks) == (0, 0)


@pytest.mark.resilience
def test_nor_does_any_of_a_few_more(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    figures = RunStatistics("in memory, a few more")
    run_state_machine(tmp_path, figures, 20, 50)
    figures.record(record_property)
    assert figures.calls > 4 * CALLS
    assert (figures.wrongful, figures.leaks) == (0, 0)


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(40))
def test_nor_does_any_of_many_more(
    tmp_path: Path, record_property: Callable[[str, object], None], part: int
) -> None:
    """In parts, which run side by side, and of which one can be repeated."""
    figures = RunStatistics(f"in memory, part {part} of many more")
    run_state_machine(tmp_path, figures, 50, 40, part)
    figures.record(record_property)
    assert (figures.wrongful, figures.leaks) == (0, 0)
