"""Every kind of fault, at every call that the sagas make, passing or lasting, ends truthfully.

The calls are those of a calm run, so a new one is covered without being named here. By default the calls meet the kinds
in turn; `just faults` has each call meet every kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.kinds import KINDS_OF, is_the_last_word
from tests.faults.scenes import INDEXING_SCENES, SCENES
from tests.faults.striking import Case, strike

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.conftest import Stage

PASSING: Final = [
    *("provision", "retry", "teardown"),
    *("indexing: provision", "indexing: retry", "indexing: teardown"),
]
SPARSE: Final = {
    "second attempt",
    "teardown while a sync hangs",
    "teardown of a failed one",
    "undoing a provision",
    "undoing a retry",
    *INDEXING_SCENES,
}
"""By default every other call only: the other scenes make most of them too."""


@pytest.mark.parametrize("scene", PASSING)
async def test_a_fault_that_passes_at_any_call_ends_truthfully(
    stage: Stage, subtests: pytest.Subtests, read: Callable[[], str], scene: str
) -> None:
    for index, (operation, nth) in enumerate((await stage.calm(scene)).calls):
        kind = _kind(scene, 7 * index + PASSING.index(scene))
        if index % 2:
            continue
        with subtests.test(f"{operation} {nth} {kind}"):
            await strike(stage, Case(scene, operation, nth, kind, lasting=False), read)


@pytest.mark.parametrize("scene", SCENES)
async def test_a_fault_that_lasts_at_any_call_ends_truthfully(
    stage: Stage, subtests: pytest.Subtests, read: Callable[[], str], scene: str
) -> None:
    for index, (operation, nth) in enumerate((await stage.calm(scene)).calls):
        kind = _kind(scene, 3 * index + 5 * list(SCENES).index(scene))
        if (index % 2 and scene in SPARSE) or is_the_last_word(scene, operation, kind):
            continue
        with subtests.test(f"{operation} {nth} {kind}"):
            await strike(stage, Case(scene, operation, nth, kind, lasting=True), read)


@pytest.mark.exhaustive
@pytest.mark.parametrize("lasting", [False, True], ids=["passing", "lasting"])
@pytest.mark.parametrize(
    ("scene", "kind"), [(name, kind) for name, each in SCENES.items() for kind in KINDS_OF[each.dialect]]
)
async def test_every_kind_of_fault_at_every_call_ends_truthfully(
    stage: Stage, subtests: pytest.Subtests, read: Callable[[], str], scene: str, kind: str, *, lasting: bool
) -> None:
    for operation, nth in (await stage.calm(scene)).calls:
        if lasting and is_the_last_word(scene, operation, kind):
            continue
        with subtests.test(f"{operation} {nth} {kind}"):
            ended = await strike(stage, Case(scene, operation, nth, kind, lasting), read)
            stage.endings.append(
                (scene, "lasting" if lasting else "passing", operation, str(nth), kind, ended)
            )


def _kind(scene: str, turn: int) -> str:
    """The kind whose turn it is."""
    names = list(KINDS_OF[SCENES[scene].dialect])
    return names[turn % len(names)]
