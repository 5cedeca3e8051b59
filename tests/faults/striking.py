"""A scene acted out under a fault, and again when the fault is gone; told truthfully both times."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import LifecycleError
from domain.job import Policy
from domain.model import Dataset
from domain.vocabulary import DatasetStatus
from tests.faults.kinds import KINDS_OF
from tests.faults.scenes import SCENES, datasets, opened, the_dataset, told
from tests.faults.truth import assert_nothing_is_echoed, effects, sight, truthful

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from domain.job import Outside
    from tests.faults.conftest import Stage
    from tests.world import World


def some(cases: Sequence[Any], each: int) -> list[Any]:
    """The cases as parameters, of which every `each`-th belongs to the default run."""
    return [
        case if index % each == 0 else pytest.param(*case, marks=pytest.mark.exhaustive)
        for index, case in enumerate(cases)
    ]


@dataclass(frozen=True, slots=True)
class Case:
    """One fault at one call of one scene. `lasting`: until it is cleared, else twice."""

    scene: str
    operation: str
    nth: int
    kind: str
    lasting: bool


class Witness:
    """A port whose removals and verifications are written down, in their order."""

    def __init__(self, port: object, seen: list[str]) -> None:
        self._port = port
        self._seen = seen

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands in for any port
        found = getattr(self._port, name)
        if name not in {"remove", "verify"}:
            return found

        async def watched(*given: object, **named: object) -> object:
            if name == "remove":
                self._seen.append(name)
            answer = await found(*given, **named)
            if name == "verify":
                self._seen.append(name)
            return answer

        return watched


def witnessed(seen: list[str]) -> Callable[[Outside], Outside]:
    """What puts a witness before everything that can remove or verify."""

    def put(outside: Outside) -> Outside:
        return replace(
            outside,
            staging=Witness(outside.staging, seen),
            archives=Witness(outside.archives, seen),
            platform=Witness(outside.platform, seen),
        )

    return put


async def strike(stage: Stage, case: Case, read: Callable[[], str]) -> str:
    """Act the scene under the fault, then again without it; how it ended under it."""
    scene, calm = SCENES[case.scene], await stage.calm(case.scene)
    kind = KINDS_OF[scene.dialect][case.kind]
    async with opened(await stage.fresh(case.scene), scene.policy) as place:
        place.timeout_s = kind.timeout_s
        before, ledger = sight(place), len(place.glean.ledger())
        seen: list[str] = []
        for fault in scene.standing:
            place.glean.faults.add(fault)
        mine = place.glean.faults.add(kind.at(case.operation, case.nth, lasting=case.lasting))
        async with place.process(replace=witnessed(seen)) as process:
            was = next(iter(await datasets(process)), None)
            first = await told(scene.act(process))
            assert next(each.fired for each in place.glean.faults.planned() if each.id == mine)
            dataset = await truthful(place, process, before, was, first)
            if was is not None and dataset.status is was.status is DatasetStatus.READY:
                assert sight(place) == replace(before, archived=sight(place).archived)
            if kind.passes and not case.lasting:
                assert dataset.status is calm.status
                assert isinstance(first, Dataset) or scene.standing
            if isinstance(first, Dataset):
                assert (effects(place, ledger), sight(place).served) == (calm.effects, calm.after.served)
            tellings = [json.dumps(first.as_dict()) if isinstance(first, LifecycleError) else ""]
            assert_nothing_is_echoed(place, *tellings, read())
        ended = spoken(dataset, first)
        place.glean.faults.clear()
        place.timeout_s, place.policy = 10, Policy()
        await undone_and_done(place, scene.again, witnessed(seen))
        if scene.act.__name__.startswith("_tear_down") and was is not None and was.content:
            assert seen.index("verify") < seen.index("remove")
        return ended


async def break_at(
    stage: Stage,
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
    scene = SCENES[name]
    async with opened(await stage.fresh(name), scene.policy) as place:
        before = sight(place)
        for fault in scene.standing:
            place.glean.faults.add(fault)
        before_it(place)
        async with place.process(crash=hook and hook(place)) as process:
            was = next(iter(await datasets(process)), None)
            first = await told(scene.act(process))
            mend(place)
            dataset = await truthful(place, process, before, was, first)
            tellings = [json.dumps(first.as_dict()) if isinstance(first, LifecycleError) else ""]
            assert_nothing_is_echoed(place, *tellings, read())
        ended = spoken(dataset, first)
        place.glean.faults.clear()
        place.policy = Policy()
        await undone_and_done(place, scene.again)
        return ended


async def undone_and_done(
    place: World,
    again: Callable[[Any], Awaitable[Dataset]],
    put: Callable[[Outside], Outside] = lambda outside: outside,
) -> None:
    """With the fault gone: what was left is undone, and the same wish is granted."""
    async with place.process(replace=put) as process:
        stands = await the_dataset(process)
        before = sight(place)
        await process.services.sagas.resume(patiently=False)
        undone, _ = await process.services.sagas.wait(stands.dataset_id, 30)
        left = await process.outside.store.read(lambda records: records.undos())
        assert left == [] or undone.status is DatasetStatus.TEARDOWN
        if undone.status is DatasetStatus.FAILED:
            assert (sight(place).ours, sight(place).staged) == (0, ())
        final = await again(process)
        assert final.status in {DatasetStatus.READY, DatasetStatus.ARCHIVED}
        await truthful(place, process, before, stands, final)


def spoken(dataset: Dataset, first: Dataset | LifecycleError) -> str:
    """The status, and the code and step of what failed."""
    if isinstance(first, Dataset):
        return dataset.status.value
    failure = dataset.teardown.failure if dataset.teardown else dataset.failure
    if "step" not in first.facts or failure is None:
        return f"{dataset.status.value}; refused: {first.code}"
    left = f", to undo: {' '.join(failure.to_undo)}" if failure.to_undo else ""
    return f"{dataset.status.value}: {failure.code} at {failure.step}{left}"
