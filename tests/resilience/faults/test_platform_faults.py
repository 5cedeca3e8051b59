"""Syncs that go wrong, connectors that fall ill, names that are taken, other tenants, and nobody at home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from domain.errors import LifecycleError
from domain.lifecycle.provision.saga import PROVISION_STEPS
from domain.lifecycle.teardown.saga import TEARDOWN_STEPS
from domain.model.enums import DatasetStatus
from tests.support.resilience.faults.fault_kinds import RUDE
from tests.support.resilience.faults.injection import run_with_breakage, sampled_params
from tests.support.resilience.faults.invariants import capture_external_state, check_consistency
from tests.support.resilience.faults.scenarios import (
    NAME,
    SCENARIOS,
    load_only_dataset,
    open_scenario,
    result_or_error,
)
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.resilience.faults.conftest import ScenarioRunner
    from tests.support.world import World

UP: Final = ("provision", "retry", "second attempt")
FORWARD: Final = [step.name for step in PROVISION_STEPS]
BACK: Final = [f"undo {step.name}" for step in PROVISION_STEPS if step.compensation]
DOWN: Final = [step.name for step in TEARDOWN_STEPS]
STEPS: Final = [
    *(("provision", step) for step in FORWARD),
    *(("retry", step) for step in FORWARD),
    *(("undoing a provision", step) for step in BACK),
    *(("undoing a retry", step) for step in BACK),
    *(("teardown", step) for step in DOWN),
]
UNCONNECTED: Final = {("provision", step) for step in ("clear", "populate", "connect")}
"""Nothing of the dataset is on any platform yet, so whichever answers will do."""
TENANTS: Final = [(*each, kept) for each in STEPS if each not in UNCONNECTED for kept in (False, True)]
"""`kept`: the other tenant has a copy of all that is ours, marks and all; else it is empty."""
WORLD: Final = {
    "a sync fails": Fault(kind="sync_fails", message=RUDE),
    "every sync fails": Fault(kind="sync_fails", message=RUDE, times=None),
    "a sync loses three": Fault(kind="sync_loses", documents=3),
    "a sync loses all": Fault(kind="sync_loses", documents=1000),
    "unhealthy": Fault(kind="unhealthy", datasource=NAME, message=RUDE),
    "unhealthy from the second look on": Fault(kind="unhealthy", datasource=NAME, message=RUDE, skip=1),
}


class BeforeStepOnce:
    """Does something once, before a step."""

    def __init__(self, step: str, do: Callable[[], None]) -> None:
        self._step = step
        self._do = do
        self.done = False

    def __call__(self, step: str, moment: str) -> None:
        if (step, moment) == (self._step, "before") and not self.done:
            self.done = True
            self._do()


@pytest.mark.parametrize("what", WORLD)
@pytest.mark.parametrize("scene", [*UP, "teardown"])
async def test_a_sync_or_a_connector_that_goes_wrong_is_told_as_it_is(
    scenario_runner: ScenarioRunner, read_output: Callable[[], str], scene: str, what: str
) -> None:
    ended = await run_with_breakage(
        scenario_runner,
        scene,
        read_output,
        before_it=lambda place: add(place, WORLD[what]),
        mend=lambda _: None,
    )
    expected = {
        "a sync fails": "platform_unavailable at index",
        "every sync fails": "platform_unavailable at index",
        "a sync loses three": "validating",
        "a sync loses all": "validating",
    }
    if scene == "teardown":
        assert ended == "archived"
    else:
        assert expected.get(what, "ready") in ended


def add(place: World, fault: Fault) -> None:
    place.glean.faults.add(fault)


@pytest.mark.parametrize(("scene", "step", "kept"), sampled_params(TENANTS, 3))
async def test_another_tenant_at_any_step_is_neither_used_nor_touched(
    scenario_runner: ScenarioRunner, read_output: Callable[[], str], scene: str, step: str, *, kept: bool
) -> None:
    seen: list[Any] = []
    former: list[str] = []

    def hook(place: World) -> BeforeStepOnce:
        def replace() -> None:
            former.append(place.glean.tenant_id())
            place.glean.replace_tenant(keep_content=kept)
            seen.append(place.glean.snapshot())

        return BeforeStepOnce(step, replace)

    def mend(place: World) -> None:
        assert [place.glean.snapshot()] == seen
        with place.glean.world.database.write() as connection:
            connection.execute("UPDATE datasource SET tenant_id = ?", (former[0],))
        place.glean.switch_tenant(former[0])

    ended = await run_with_breakage(scenario_runner, scene, read_output, hook=hook, mend=mend)
    if step in {"announce", "delete"}:  # the platform is asked no more
        assert ended in {"ready", "archived"}
    elif scene.startswith("undoing"):
        assert "to undo" in ended or step == "undo populate"
    else:
        assert "platform_mismatch" in ended


@pytest.mark.parametrize(("scene", "step"), STEPS)
async def test_nobody_at_home_at_any_step_ends_truthfully(
    scenario_runner: ScenarioRunner, read_output: Callable[[], str], scene: str, step: str
) -> None:
    def hook(place: World) -> BeforeStepOnce:
        return BeforeStepOnce(step, place.sandbox.stop)

    def mend(place: World) -> None:
        old = place.sandbox
        old.stop()
        port = int(old.base_url.rpartition(":")[2])
        place.sandbox = EmbeddedSandbox(
            place.folder / "glean.sqlite", token=old.token, port=port, now=place.clock.now
        ).start()

    ended = await run_with_breakage(scenario_runner, scene, read_output, hook=hook, mend=mend)
    if step in {"announce", "delete"}:
        assert ended in {"ready", "archived"}
    elif scene.startswith("undoing"):
        assert "to undo" in ended or step == "undo populate"
    else:
        assert ("precondition_unknown" if scene == "teardown" else "platform_unavailable") in ended


@pytest.mark.parametrize("config", [None, {"managedBy": {"installation": "x", "datasetId": "y"}}])
@pytest.mark.parametrize("name", [NAME, NAME.upper()])
async def test_a_name_that_somebody_else_took_is_left_alone_until_a_person_has_decided(
    scenario_runner: ScenarioRunner, name: str, config: dict[str, object] | None
) -> None:
    async with open_scenario(await scenario_runner.copy_prepared("provision")) as place:
        theirs = place.glean.create_foreign_datasource(name, config=config)
        before = capture_external_state(place)
        async with place.open_process() as process:
            first = await result_or_error(process.provision())
            assert isinstance(first, LifecycleError)
            assert (first.facts["step"], first.facts["cause"]) == ("connect", "platform_mismatch")
            assert [each for each in place.glean.datasources() if each["name"] == name] == [theirs]
            dataset = await load_only_dataset(process)
            assert (dataset.status, capture_external_state(place).staged) == (DatasetStatus.FAILED, ())
            assert dataset.failure is not None
            assert dataset.failure.to_undo == ()
            place.glean.delete_datasource(name)
            final = await SCENARIOS["provision"].again(process)
            await check_consistency(place, process, before, dataset, final)
