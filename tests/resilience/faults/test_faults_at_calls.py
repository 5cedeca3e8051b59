"""Every kind of fault, at every call that the sagas make, passing or lasting, ends truthfully.

The calls are those of a calm run, so a new one is covered without being named here. By default the calls meet the kinds
in turn; `just faults` has each call meet every kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.support.resilience.faults.fault_kinds import KINDS_OF, is_indistinguishable
from tests.support.resilience.faults.injection import FaultCase, run_with_fault
from tests.support.resilience.faults.scenarios import INDEXING_SCENARIOS, SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.resilience.faults.conftest import ScenarioRunner

PASSING: Final = [
    *("provision", "retry", "teardown"),
    *("indexing: provision", "indexing: retry", "indexing: teardown"),
]
SPARSE: Final = {
    "second attempt",
    "teardown while a sync hangs",
    "teardown of a failed one",
    "teardown of one that never had a connector",
    "undoing a provision",
    "undoing a retry",
    *INDEXING_SCENARIOS,
}
"""By default every other call only: the other scenes make most of them too."""


@pytest.mark.parametrize("scene", PASSING)
async def test_a_fault_that_passes_at_any_call_ends_truthfully(
    scenario_runner: ScenarioRunner, subtests: pytest.Subtests, read_output: Callable[[], str], scene: str
) -> None:
    for index, (operation, nth) in enumerate((await scenario_runner.run_undisturbed(scene)).calls):
        kind = _kind(scene, 7 * index + PASSING.index(scene))
        if index % 2:
            continue
        with subtests.test(f"{operation} {nth} {kind}"):
            await run_with_fault(
                scenario_runner, FaultCase(scene, operation, nth, kind, lasting=False), read_output
            )


@pytest.mark.parametrize(
    "scene",
    [pytest.param(name, marks=pytest.mark.every_change if name == "teardown" else ()) for name in SCENARIOS],
)
async def test_a_fault_that_lasts_at_any_call_ends_truthfully(
    scenario_runner: ScenarioRunner, subtests: pytest.Subtests, read_output: Callable[[], str], scene: str
) -> None:
    for index, (operation, nth) in enumerate((await scenario_runner.run_undisturbed(scene)).calls):
        kind = _kind(scene, 3 * index + 5 * list(SCENARIOS).index(scene))
        if (index % 2 and scene in SPARSE) or is_indistinguishable(scene, operation, kind):
            continue
        with subtests.test(f"{operation} {nth} {kind}"):
            await run_with_fault(
                scenario_runner, FaultCase(scene, operation, nth, kind, lasting=True), read_output
            )


@pytest.mark.exhaustive
@pytest.mark.parametrize("lasting", [False, True], ids=["passing", "lasting"])
@pytest.mark.parametrize(
    ("scene", "kind"), [(name, kind) for name, each in SCENARIOS.items() for kind in KINDS_OF[each.dialect]]
)
async def test_every_kind_of_fault_at_every_call_ends_truthfully(
    scenario_runner: ScenarioRunner,
    subtests: pytest.Subtests,
    read_output: Callable[[], str],
    scene: str,
    kind: str,
    *,
    lasting: bool,
) -> None:
    for operation, nth in (await scenario_runner.run_undisturbed(scene)).calls:
        if lasting and is_indistinguishable(scene, operation, kind):
            continue
        with subtests.test(f"{operation} {nth} {kind}"):
            ended = await run_with_fault(
                scenario_runner, FaultCase(scene, operation, nth, kind, lasting), read_output
            )
            scenario_runner.endings.append(
                (scene, "lasting" if lasting else "passing", operation, str(nth), kind, ended)
            )


def _kind(scene: str, turn: int) -> str:
    """The kind whose turn it is."""
    names = list(KINDS_OF[SCENARIOS[scene].dialect])
    return names[turn % len(names)]
