"""A scene acted out under a fault, and again when the fault is gone; told truthfully both times."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from domain.errors import LifecycleError
from domain.model.dataset import Dataset
from domain.model.enums import DatasetStatus
from domain.model.settings import LifecycleSettings
from tests.support.interception import require_methods
from tests.support.resilience.faults.fault_kinds import KINDS_OF
from tests.support.resilience.faults.invariants import (
    capture_external_state,
    check_consistency,
    check_no_echo,
    platform_effects,
)
from tests.support.resilience.faults.scenarios import (
    SCENARIOS,
    load_datasets,
    load_only_dataset,
    open_scenario,
    result_or_error,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from domain.lifecycle.sagas.context import Dependencies
    from tests.resilience.faults.conftest import ScenarioRunner
    from tests.support.world import World


def sampled_params(cases: Sequence[Any], each: int) -> list[Any]:
    """The cases as parameters, of which every `each`-th belongs to the default run."""
    return [
        case if index % each == 0 else pytest.param(*case, marks=pytest.mark.exhaustive)
        for index, case in enumerate(cases)
    ]


@dataclass(frozen=True, slots=True)
class FaultCase:
    """One fault at one call of one scene. `lasting`: until it is cleared, else twice."""

    scene: str
    operation: str
    nth: int
    kind: str
    lasting: bool


_REMOVALS: Final = {"staging": "delete", "platform": "delete_datasource"}
_VERIFICATIONS: Final = {"archives": "verify"}


class RecordingPort:
    """A port whose removals and verifications are written down, in their order."""

    def __init__(self, deps: Dependencies, name: str, seen: list[str]) -> None:
        self._port = getattr(deps, name)
        self._removal = _REMOVALS.get(name)
        self._verification = _VERIFICATIONS.get(name)
        require_methods(name, {each for each in (self._removal, self._verification) if each})
        self._seen = seen

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands in for any port
        found = getattr(self._port, name)
        if name not in {self._removal, self._verification}:
            return found

        async def watch_call(*given: object, **named: object) -> object:
            if name == self._removal:
                self._seen.append("remove")
            answer = await found(*given, **named)
            if name == self._verification:
                self._seen.append("verify")
            return answer

        return watch_call


def record_calls_into(seen: list[str]) -> Callable[[Dependencies], Dependencies]:
    """What puts a witness before everything that can remove or verify."""

    def put(deps: Dependencies) -> Dependencies:
        watched: dict[str, Any] = {
            name: RecordingPort(deps, name, seen) for name in (*_REMOVALS, *_VERIFICATIONS)
        }
        return replace(deps, **watched)

    return put


async def run_with_fault(stage: ScenarioRunner, case: FaultCase, read: Callable[[], str]) -> str:
    """Act the scene under the fault, then again without it; how it ended under it."""
    scene, calm = SCENARIOS[case.scene], await stage.run_undisturbed(case.scene)
    kind = KINDS_OF[scene.dialect][case.kind]
    async with open_scenario(await stage.copy_prepared(case.scene), scene.policy) as place:
        place.timeout_s = kind.timeout_s
        before, ledger = capture_external_state(place), len(place.glean.ledger())
        seen: list[str] = []
        for fault in scene.standing_faults:
            place.glean.faults.add(fault)
        mine = place.glean.faults.add(kind.fault_at(case.operation, case.nth, lasting=case.lasting))
        async with place.open_process(replace=record_calls_into(seen)) as process:
            was = next(iter(await load_datasets(process)), None)
            first = await result_or_error(scene.act(process))
            assert next(each.fired for each in place.glean.faults.entries() if each.id == mine)
            dataset = await check_consistency(place, process, before, was, first)
            if was is not None and dataset.status is was.status is DatasetStatus.READY:
                assert capture_external_state(place) == replace(
                    before, archived=capture_external_state(place).archived
                )
            if kind.passes and not case.lasting:
                assert dataset.status is calm.status
                assert isinstance(first, Dataset) or scene.standing_faults
            if isinstance(first, Dataset):
                assert (platform_effects(place, ledger), capture_external_state(place).served) == (
                    calm.effects,
                    calm.after.served,
                )
            tellings = [json.dumps(first.as_dict()) if isinstance(first, LifecycleError) else ""]
            check_no_echo(place, *tellings, read())
        ended = outcome_text(dataset, first)
        place.glean.faults.mend()
        place.timeout_s, place.policy = 10, LifecycleSettings()
        await check_recovery(place, scene.again, record_calls_into(seen))
        if scene.act.__name__.startswith("_tear_down") and was is not None and was.content:
            assert seen.index("verify") < seen.index("remove")
        return ended


async def run_with_breakage(
    stage: ScenarioRunner,
    name: str,
    read: Callable[[], str],
    *,
    hook: Callable[[World], Callable[[str, str], None]] | None = None,
    before_it: Callable[[World], None] = lambda _: None,
    mend: Callable[[World], None],
) -> str:
    """Act a scene while something else than an answer breaks; mended, its end is looked at, and it is acted again.

    `hook` makes what is called with each step and its moment, `before_it` breaks things before the scene begins.
    """
    scene = SCENARIOS[name]
    async with open_scenario(await stage.copy_prepared(name), scene.policy) as place:
        before = capture_external_state(place)
        for fault in scene.standing_faults:
            place.glean.faults.add(fault)
        before_it(place)
        async with place.open_process(crash=hook and hook(place)) as process:
            was = next(iter(await load_datasets(process)), None)
            first = await result_or_error(scene.act(process))
            mend(place)
            dataset = await check_consistency(place, process, before, was, first)
            tellings = [json.dumps(first.as_dict()) if isinstance(first, LifecycleError) else ""]
            check_no_echo(place, *tellings, read())
        ended = outcome_text(dataset, first)
        place.glean.faults.mend()
        place.policy = LifecycleSettings()
        await check_recovery(place, scene.again)
        return ended


async def check_recovery(
    place: World,
    again: Callable[[Any], Awaitable[Dataset]],
    put: Callable[[Dependencies], Dependencies] = lambda deps: deps,
) -> None:
    """With the fault gone: what was left is undone, and the same wish is granted."""
    async with place.open_process(replace=put) as process:
        stands = await load_only_dataset(process)
        before = capture_external_state(place)
        await process.services.sagas.resume(respect_backoff=False)
        undone, _ = await process.services.sagas.wait(stands.dataset_id, 30)
        left = await process.deps.store.read(lambda uow: uow.compensations.find())
        assert left == [] or undone.status is DatasetStatus.TEARDOWN
        if undone.status is DatasetStatus.FAILED:
            assert (capture_external_state(place).ours, capture_external_state(place).staged) == (0, ())
        final = await again(process)
        assert final.status in {DatasetStatus.READY, DatasetStatus.ARCHIVED}
        await check_consistency(place, process, before, stands, final)


def outcome_text(dataset: Dataset, first: Dataset | LifecycleError) -> str:
    """The status, and the code and step of what failed."""
    if isinstance(first, Dataset):
        return dataset.status.value
    failure = dataset.teardown.failure if dataset.teardown else dataset.failure
    if "step" not in first.facts or failure is None:
        return f"{dataset.status.value}; refused: {first.code}"
    left = f", to undo: {' '.join(failure.to_undo)}" if failure.to_undo else ""
    return f"{dataset.status.value}: {failure.code} at {failure.step}{left}"
