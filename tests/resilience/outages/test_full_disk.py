"""A saga whose store's file takes nothing more, or is held by somebody else, waits for it: nothing is undone."""

from __future__ import annotations

import resource
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio.lowlevel
import pytest

from domain.errors import Recovery, StoreUnavailableError
from domain.lifecycle.provision.saga import PROVISION_STEPS
from domain.model.enums import DatasetStatus
from domain.ports import Setting
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import client
from tests.support.resilience.faults.injection import sampled_params
from tests.support.saga_steps import install_steps
from tests.support.state_snapshot import snapshot_differences, take_snapshot
from tests.support.world import OPERATOR, STORE_FILE, ShiftedClock, World, open_world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from domain.lifecycle.sagas.context import SagaContext
    from domain.lifecycle.sagas.definition import Step
    from tests.support.state_snapshot import StateSnapshot
    from tests.support.world import Process

FULL = "the disk could not be read or written"
"""What is said of a file that may not grow; what is said of a full disk is tried at the store itself."""


class RepairingClock(ShiftedClock):
    """The machine's clock, whose waits take no time; during the third, what was wrong is put right."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.mend: Callable[[], Awaitable[object]] | None = None

    async def sleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        if self.mend:
            self.waits.append(seconds)
            if len(self.waits) == 3:
                await self.mend()


class StoreBreaker:
    """Makes the store useless before one step, from within the saga."""

    def __init__(self, step: str, strike: Callable[[], None]) -> None:
        self.step = step
        self.strike = strike

    def __call__(self, step: str, moment: str) -> None:
        if (step, moment) == (self.step, "before"):
            self.strike()


async def fill_disk(place: World, process: Process) -> None:
    """Let no file of this process grow beyond what the store's log has by now, which is more than others will need."""
    for number in range(20):
        await process.deps.store.transact(
            lambda uow, name=f"filling-{number}": uow.settings.put(Setting(name, str), "x" * 100_000)  # type: ignore[misc]
        )
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (place.folder / f"{STORE_FILE}-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))


def lift_disk_limit() -> None:
    """Let files grow again."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


async def run_undisturbed(folder: Path) -> StateSnapshot:
    async with open_world(folder, records=12) as place:
        async with place.open_process() as process:
            await process.add_client_and_journey()
            await process.provision()
        async with place.open_store() as store:
            return await take_snapshot(store, place.glean, folder / "staging", folder / "archives")


@pytest.mark.parametrize(("at", "why"), sampled_params([(each.name, "full") for each in PROVISION_STEPS], 3))
async def test_a_saga_that_meets_a_full_disk_waits_until_there_is_room_and_callers_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, at: str, why: str
) -> None:
    folder = tmp_path / why
    async with open_world(folder, records=12) as place:
        place.clock = clock = RepairingClock()

        async def mend() -> None:
            with pytest.raises(StoreUnavailableError, match=FULL) as told:
                await process.services.registry.add_client(client("other", name="Other"), OPERATOR)
            assert told.value.recovery is Recovery.NEEDS_HUMAN
            lift_disk_limit()
            place.execute_sql("delete from facts where name like 'filling-%'")

        def before(step: Step) -> Step:
            async def do(context: SagaContext) -> None:
                if clock.mend is None:
                    await fill_disk(place, process)
                    clock.mend = mend
                await step.action(context)

            return replace(step, action=do) if step.name == at else step

        install_steps(before, monkeypatch.setattr)
        async with place.open_process() as process:
            await process.add_client_and_journey()
            try:
                found = await process.provision()
            finally:
                lift_disk_limit()
        assert (found.status, found.failure) == (DatasetStatus.READY, None)
        assert len(clock.waits) >= 3
        assert FULL in caplog.text
        async with place.open_store() as store:
            taken = await take_snapshot(store, place.glean, folder / "staging", folder / "archives")
    monkeypatch.undo()
    assert snapshot_differences(vars(taken), vars(await run_undisturbed(tmp_path / "calm"))) == []


@pytest.mark.parametrize(
    ("step", "how"), sampled_params([(each.name, "locked") for each in PROVISION_STEPS], 4)
)
async def test_a_saga_whose_store_is_held_by_somebody_else_waits_until_they_let_it_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: str, how: str
) -> None:
    monkeypatch.setattr(
        World, "open_store", lambda place: SqliteStore(place.folder / STORE_FILE, busy_timeout_s=0.01)
    )
    folder = tmp_path / how
    async with open_world(folder, records=12) as place:
        place.clock = clock = RepairingClock()
        holder = sqlite3.connect(":memory:")

        def hold() -> None:
            nonlocal holder
            holder.close()
            holder = sqlite3.connect(folder / STORE_FILE, isolation_level=None)
            holder.execute("begin immediate")

        async def let_go() -> None:
            holder.rollback()

        async with place.open_process(crash=StoreBreaker(step, hold)) as process:
            await process.add_client_and_journey()
            clock.mend = let_go
            dataset = await process.provision()
        with closing(holder):
            assert (dataset.status, dataset.failure) == (DatasetStatus.READY, None)
        assert len(clock.waits) == 3
        assert "another process was writing to it for too long" in caplog.text
        async with place.open_store() as store:
            taken = await take_snapshot(store, place.glean, folder / "staging", folder / "archives")
    assert snapshot_differences(vars(taken), vars(await run_undisturbed(tmp_path / "calm"))) == []
