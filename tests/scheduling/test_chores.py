"""What a turn says of work that was refused or could not be done."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest

from domain.errors import StoreAwayError, UnknownDatasetError
from domain.monitoring import PAGE
from domain.orphan_facts import SweepPlan, SweepResult
from domain.retention import PurgePlan
from domain.schedules import HEALTH, PURGE, REDELIVERY, RETENTION, SCAN, SWEEP, RefusedError
from server.chores import HEALTH_S, chores, rechecking
from server.hurrying import AT_ONCE, LIST_S, LOOK_S

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

    async def recheck(self, dataset_id: str, caller: object, saga_id: str) -> None:
        if dataset_id == "endless":
            await anyio.sleep_forever()
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


@pytest.mark.parametrize(("dataset_id", "code"), [("gone", "unknown_dataset"), ("endless", "too_late")])
async def test_a_recheck_ends_whatever_it_meets(
    monkeypatch: pytest.MonkeyPatch, dataset_id: str, code: str
) -> None:
    answers: list[Json] = []

    async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        answers.append(await effect())
        return answers[-1]

    monkeypatch.setattr("server.chores.RECHECK_S", 0.05)
    await rechecking(SERVICES)(perform, dataset_id, "recheck:1")
    assert [each["code"] for each in answers] == [code]


async def test_a_recheck_whose_store_is_away_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        with pytest.raises(StoreAwayError):
            await effect()
        return {}

    async def away(*_: object) -> None:
        raise StoreAwayError("The connection was lost.")

    monkeypatch.setattr(SERVICES.datasets, "recheck", away)
    await rechecking(SERVICES)(perform, "ds", "recheck:1")


class Endless:
    """Services of which none ever answers."""

    def __getattr__(self, name: str) -> Endless:
        return self

    async def __call__(self, *_: object, **__: object) -> None:
        await anyio.sleep_forever()


@pytest.mark.parametrize("name", [HEALTH, SCAN, SWEEP, RETENTION, REDELIVERY, PURGE])
async def test_no_chore_takes_longer_than_it_may(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("server.chores.HEALTH_S", 0.02)
    monkeypatch.setattr("server.chores.DAILY_S", 0.02)
    endless: Any = Endless()
    with pytest.raises(TimeoutError):
        await chores(endless, endless, endless)[name]("2026-03-01")


def test_a_health_turn_ends_in_its_minute_with_a_page_that_hangs_throughout() -> None:
    rounds = -(-PAGE // AT_ONCE)
    assert 2 * LIST_S + rounds * LOOK_S < HEALTH_S < 60
