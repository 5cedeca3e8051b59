"""What a turn says of work that was refused or could not be done."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest

from domain.connectors.monitor import PAGE_SIZE
from domain.errors import StoreUnavailableError, UnknownDatasetError
from domain.governance.orphan_facts import SweepPlan, SweepResult
from domain.governance.retention import PurgePlan
from domain.governance.schedules import RunRefusedError
from domain.model.schedule import (
    HEALTH_SCHEDULE,
    ORPHAN_SCAN_SCHEDULE,
    ORPHAN_SWEEP_SCHEDULE,
    REDELIVERY_SCHEDULE,
    REFRESH_SCHEDULE,
    RETENTION_SCHEDULE,
    WORKFLOW_PURGE_SCHEDULE,
)
from server.workers.jobs import HEALTH_S, build_recheck_saga, build_scheduled_jobs
from server.workers.time_limited_platform import AT_ONCE, LIST_S, LOOK_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.model.principal import Principal
    from domain.ports.engine import Json

REFUSED = SweepPlan(eligible=(), skipped=(), refused="26 datasets are due.")
carried: list[str] = []


class OverCapServices:
    """A sweep and a purge beyond their caps, and datasets that are not there."""

    async def sweep(self, *_: object, apply: bool) -> SweepResult:
        return SweepResult(plan=REFUSED)

    async def purge_daily(self, principal: Principal) -> PurgePlan:
        return PurgePlan(applied=False, due=(), refused="26 archives are due.")

    async def recheck(self, dataset_id: str, principal: object, saga_id: str) -> None:
        if dataset_id == "endless":
            await anyio.sleep_forever()
        raise UnknownDatasetError(f"There is no dataset {dataset_id!r}.")

    async def file_for_sweep(self, dataset: object, principal: Principal) -> None:
        raise AssertionError

    async def file_request(self, plan: SweepPlan, principal: Principal) -> None:
        raise AssertionError

    async def list_approved(self, principal: Principal) -> list[str]:
        return ["ap-list"]

    async def start_approved_teardowns(self, approval: str, principal: Principal) -> None:
        carried.append(approval)


SERVICES: Any = SimpleNamespace(
    orphans=OverCapServices(),
    archives=OverCapServices(),
    approvals=OverCapServices(),
    sweep_lists=OverCapServices(),
    datasets=OverCapServices(),
)


@pytest.mark.parametrize(
    ("name", "words"), [(ORPHAN_SWEEP_SCHEDULE, "26 datasets"), (RETENTION_SCHEDULE, "26 archives")]
)
async def test_a_turn_beyond_the_caps_is_refused(name: str, words: str) -> None:
    whole = build_scheduled_jobs(SERVICES, cast("Any", None), cast("Any", None))
    with pytest.raises(RunRefusedError, match=words):
        await whole[name]("2026-03-01")


@pytest.mark.parametrize(("dataset_id", "code"), [("gone", "unknown_dataset"), ("endless", "too_late")])
async def test_a_recheck_ends_whatever_it_meets(
    monkeypatch: pytest.MonkeyPatch, dataset_id: str, code: str
) -> None:
    answers: list[Json] = []

    async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        answers.append(await effect())
        return answers[-1]

    monkeypatch.setattr("server.workers.jobs.RECHECK_S", 0.05)
    await build_recheck_saga(SERVICES)(perform, dataset_id, "recheck:1")
    assert [each["code"] for each in answers] == [code]


async def test_a_recheck_whose_store_is_away_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        with pytest.raises(StoreUnavailableError):
            await effect()
        return {}

    async def away(*_: object) -> None:
        raise StoreUnavailableError("The connection was lost.")

    monkeypatch.setattr(SERVICES.datasets, "recheck", away)
    await build_recheck_saga(SERVICES)(perform, "ds", "recheck:1")


class NeverAnsweringServices:
    """Services of which none ever answers."""

    def __getattr__(self, name: str) -> NeverAnsweringServices:
        return self

    async def __call__(self, *_: object, **__: object) -> None:
        await anyio.sleep_forever()


@pytest.mark.parametrize(
    "name",
    [
        HEALTH_SCHEDULE,
        ORPHAN_SCAN_SCHEDULE,
        ORPHAN_SWEEP_SCHEDULE,
        RETENTION_SCHEDULE,
        REDELIVERY_SCHEDULE,
        WORKFLOW_PURGE_SCHEDULE,
        REFRESH_SCHEDULE,
    ],
)
async def test_no_chore_takes_longer_than_it_may(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("server.workers.jobs.HEALTH_S", 0.02)
    monkeypatch.setattr("server.workers.jobs.DAILY_S", 0.02)
    endless: Any = NeverAnsweringServices()
    with pytest.raises(TimeoutError):
        await build_scheduled_jobs(endless, endless, endless)[name]("2026-03-01")


def test_a_health_turn_ends_in_its_minute_with_a_page_that_hangs_throughout() -> None:
    rounds = -(-PAGE_SIZE // AT_ONCE)
    assert 2 * LIST_S + rounds * LOOK_S < HEALTH_S < 60
