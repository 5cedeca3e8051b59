"""What a turn says of work that was refused or could not be done."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from domain.errors import UnknownDatasetError
from domain.orphan_facts import SweepPlan, SweepResult
from domain.retention import PurgePlan
from domain.schedules import RETENTION, SWEEP, RefusedError
from server.chores import chores, rechecking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.callers import Caller
    from domain.ports import Json

REFUSED = SweepPlan(eligible=(), skipped=(), refused="26 datasets are due.")


carried: list[str] = []


class Beyond:
    """A sweep and a purge beyond their caps, and datasets that are not there."""

    async def sweep(self, *_: object, apply: bool) -> SweepResult:
        return SweepResult(plan=REFUSED)

    async def purge_daily(self, caller: Caller) -> PurgePlan:
        return PurgePlan(applied=False, due=(), refused="26 archives are due.")

    async def recheck(self, dataset_id: str, caller: object) -> None:
        raise UnknownDatasetError(f"There is no dataset {dataset_id!r}.")

    async def file_for_sweep(self, dataset: object, caller: Caller) -> None:
        raise AssertionError

    async def file(self, plan: SweepPlan, caller: Caller) -> None:
        raise AssertionError

    async def granted(self, caller: Caller) -> list[str]:
        return ["ap-list"]

    async def carry_out(self, approval: str, caller: Caller) -> None:
        carried.append(approval)


SERVICES: Any = SimpleNamespace(
    orphans=Beyond(), archives=Beyond(), approvals=Beyond(), sweep_lists=Beyond(), datasets=Beyond()
)


@pytest.mark.parametrize(("name", "words"), [(SWEEP, "26 datasets"), (RETENTION, "26 archives")])
async def test_a_turn_beyond_the_caps_is_refused(name: str, words: str) -> None:
    whole = chores(SERVICES, cast("Any", None), cast("Any", None))
    with pytest.raises(RefusedError, match=words):
        await whole[name]("2026-03-01")


async def test_a_recheck_of_what_is_gone_meanwhile_ends() -> None:
    answers: list[Json] = []

    async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        answers.append(await effect())
        return answers[-1]

    await rechecking(SERVICES)(perform, "gone", "recheck:1")
    assert [each["code"] for each in answers] == ["unknown_dataset"]
