"""Every kind of fault, at every call that the sagas make, passing or lasting, ends truthfully.

The calls are those of a calm run, so a new one is covered without being named here. By default each call meets a few
of the kinds, in turn; `just faults` has each meet every one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from domain.errors import LifecycleError
from domain.job import Policy
from domain.model import Dataset, DatasetStatus
from tests.faults.kinds import KINDS
from tests.faults.scenes import SCENES, datasets, opened, the_dataset, told
from tests.faults.truth import assert_nothing_is_echoed, effects, sight, truthful

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.job import Outside
    from tests.faults.conftest import Stage
    from tests.world import World

ROUND: Final = 1
"""How many kinds each call meets by default."""


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

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in {"remove", "verify"}:
            return found

        async def watched(*given: Any, **named: Any) -> Any:
            if name == "remove":
                self._seen.append(name)
            answer = await found(*given, **named)
            if name == "verify":
                self._seen.append(name)
            return answer

        return watched


def witnessed(seen: list[str]) -> Callable[[Outside], Outside]:
    def put(outside: Outside) -> Outside:
        return replace(
            outside,
            staging=Witness(outside.staging, seen),  # type: ignore[arg-type]
            archives=Witness(outside.archives, seen),  # type: ignore[arg-type]
            platform=Witness(outside.platform, seen),  # type: ignore[arg-type]
        )

    return put


async def strike(stage: Stage, case: Case, read: Callable[[], str]) -> tuple[str, str]:
    """Act the scene under the fault, then again without it; how it ended, both times."""
    scene, kind, calm = SCENES[case.scene], KINDS[case.kind], await stage.calm(case.scene)
    async with opened(await stage.fresh(case.scene), scene.policy) as place:
        place.timeout_s = kind.timeout_s
        before, ledger, was = sight(place), len(place.glean.ledger()), None
        seen: list[str] = []
        for fault in scene.standing:
            place.glean.faults.add(fault)
        mine = place.glean.faults.add(kind.at(case.operation, case.nth, lasting=case.lasting))
        async with place.process(replace=witnessed(seen)) as process:
            [was] = await datasets(process) or [None]
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
        if case.scene.startswith("teardown"):
            assert seen.index("verify") < seen.index("remove")
        return ended


async def undone_and_done(
    place: World, again: Callable[[Any], Awaitable[Dataset]], put: Callable[[Outside], Outside]
) -> None:
    """With the fault gone: what was left is undone, and the same wish is granted."""
    async with place.process(replace=put) as process:
        stands = await the_dataset(process)
        before = sight(place)
        await process.services.sagas.resume(patiently=False)
        undone, _ = await process.services.sagas.wait(stands.dataset_id, 30)
        assert await process.outside.store.read(lambda records: records.undos()) == []
        if undone.status is DatasetStatus.FAILED:
            assert (sight(place).ours, sight(place).staged) == (0, ())
        final = await again(process)
        assert final.status in {DatasetStatus.READY, DatasetStatus.ARCHIVED}
        await truthful(place, process, before, stands, final)


def spoken(dataset: Dataset, first: Dataset | LifecycleError) -> tuple[str, str]:
    """The status, and the code and step of what failed."""
    failure = dataset.teardown.failure if dataset.teardown else dataset.failure
    if isinstance(first, Dataset):
        return dataset.status.value, ""
    if failure is None:
        return dataset.status.value, f"refused: {first.code}"
    left = f", to undo: {' '.join(failure.to_undo)}" if failure.to_undo else ""
    return dataset.status.value, f"{failure.code} at {failure.step}{left}"


@pytest.fixture
def read(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Everything that was logged or printed since the last look; no bug may have been."""

    def look() -> str:
        printed = capfd.readouterr()
        text = caplog.text + printed.out + printed.err
        caplog.clear()
        assert "failed by a bug" not in text
        assert "saga_broke" not in text
        return text

    return look


@pytest.mark.parametrize("lasting", [False, True], ids=["passing", "lasting"])
@pytest.mark.parametrize("scene", SCENES)
async def test_a_fault_at_any_call_ends_truthfully(
    stage: Stage, subtests: pytest.Subtests, read: Callable[[], str], scene: str, *, lasting: bool
) -> None:
    names = list(KINDS)
    met = [names[(7 * index + 3 * lasting) % len(names)] for index in range(ROUND * len(names))]
    for index, (operation, nth) in enumerate((await stage.calm(scene)).calls):
        for kind in met[ROUND * index % len(met) :][:ROUND]:
            case = Case(scene, operation, nth, kind, lasting)
            with subtests.test(f"{operation} {nth} {kind}"):
                await strike(stage, case, read)


@pytest.mark.exhaustive
@pytest.mark.parametrize("lasting", [False, True], ids=["passing", "lasting"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scene", SCENES)
async def test_every_kind_of_fault_at_every_call_ends_truthfully(
    stage: Stage,
    subtests: pytest.Subtests,
    read: Callable[[], str],
    record_property: Callable[[str, object], None],
    scene: str,
    kind: str,
    *,
    lasting: bool,
) -> None:
    for operation, nth in (await stage.calm(scene)).calls:
        with subtests.test(f"{operation} {nth} {kind}"):
            ended = await strike(stage, Case(scene, operation, nth, kind, lasting), read)
            record_property(f"{operation} {nth}", ended)
