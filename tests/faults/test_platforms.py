"""Syncs that go wrong, connectors that fall ill, names that are taken, other tenants, and nobody at home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from domain.errors import LifecycleError
from domain.provisioning import PROVISION
from domain.teardown import TEARDOWN
from domain.vocabulary import DatasetStatus
from server.sandbox.faults import Fault
from server.sandbox.serve import EmbeddedSandbox
from tests.faults.kinds import RUDE
from tests.faults.scenes import NAME, SCENES, opened, the_dataset, told
from tests.faults.striking import break_at, some
from tests.faults.truth import sight, truthful

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.conftest import Stage
    from tests.world import World

UP: Final = ("provision", "retry", "second attempt")
FORWARD: Final = [step.name for step in PROVISION]
BACK: Final = [f"undo {step.name}" for step in PROVISION if step.undo]
DOWN: Final = [step.name for step in TEARDOWN]
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


class At:
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
    stage: Stage, read: Callable[[], str], scene: str, what: str
) -> None:
    ended = await break_at(
        stage, scene, read, before_it=lambda place: add(place, WORLD[what]), mend=lambda _: None
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


@pytest.mark.parametrize(("scene", "step", "kept"), some(TENANTS, 3))
async def test_another_tenant_at_any_step_is_neither_used_nor_touched(
    stage: Stage, read: Callable[[], str], scene: str, step: str, *, kept: bool
) -> None:
    seen: list[Any] = []
    former: list[str] = []

    def hook(place: World) -> At:
        def replace() -> None:
            former.append(place.glean.tenant())
            place.glean.replace_tenant(keep_content=kept)
            seen.append(place.glean.snapshot())

        return At(step, replace)

    def mend(place: World) -> None:
        assert [place.glean.snapshot()] == seen
        with place.glean.world.database.write() as connection:
            connection.execute("UPDATE datasource SET tenant_id = ?", (former[0],))
        place.glean.use_tenant(former[0])

    ended = await break_at(stage, scene, read, hook=hook, mend=mend)
    if step in {"announce", "delete"}:  # the platform is asked no more
        assert ended in {"ready", "archived"}
    elif scene.startswith("undoing"):
        assert "to undo" in ended or step == "undo populate"
    else:
        assert "platform_mismatch" in ended


@pytest.mark.parametrize(("scene", "step"), STEPS)
async def test_nobody_at_home_at_any_step_ends_truthfully(
    stage: Stage, read: Callable[[], str], scene: str, step: str
) -> None:
    def hook(place: World) -> At:
        return At(step, place.sandbox.stop)

    def mend(place: World) -> None:
        old = place.sandbox
        old.stop()
        port = int(old.base_url.rpartition(":")[2])
        place.sandbox = EmbeddedSandbox(
            place.folder / "glean.sqlite", token=old.token, port=port, now=place.clock.now
        ).start()

    ended = await break_at(stage, scene, read, hook=hook, mend=mend)
    if step in {"announce", "delete"}:
        assert ended in {"ready", "archived"}
    elif scene.startswith("undoing"):
        assert "to undo" in ended or step == "undo populate"
    else:
        assert ("precondition_unknown" if scene == "teardown" else "platform_unavailable") in ended


@pytest.mark.parametrize("config", [None, {"managedBy": {"installation": "x", "datasetId": "y"}}])
@pytest.mark.parametrize("name", [NAME, NAME.upper()])
async def test_a_name_that_somebody_else_took_is_left_alone_until_a_person_has_decided(
    stage: Stage, name: str, config: dict[str, object] | None
) -> None:
    async with opened(await stage.fresh("provision")) as place:
        theirs = place.glean.create_foreign(name, config=config)
        before = sight(place)
        async with place.process() as process:
            first = await told(process.provision())
            assert isinstance(first, LifecycleError)
            assert (first.facts["step"], first.facts["cause"]) == ("connect", "platform_mismatch")
            assert [each for each in place.glean.datasources() if each["name"] == name] == [theirs]
            dataset = await the_dataset(process)
            assert (dataset.status, sight(place).staged) == (DatasetStatus.FAILED, ())
            assert dataset.failure is not None
            assert dataset.failure.to_undo == ()
            place.glean.delete(name)
            final = await SCENES["provision"].again(process)
            await truthful(place, process, before, dataset, final)
