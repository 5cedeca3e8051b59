"""A saga whose answer the engine could not record is taken up again by the very process that it stopped in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool
from structlog.testing import capture_logs

from server.adapters.engine import engine as durable
from server.adapters.engine.engine import DurableEngine
from tests.support.polling import wait_for, wait_for_async

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from domain.ports.engine import Json, StepRunner


class FullDisk:
    """What the engine's file is on: it takes nothing, as long as it is `full`."""

    def __init__(self) -> None:
        self.full = False

    def limit(self, connection: sqlite3.Connection, *_: object) -> None:
        """Have a connection know it."""
        connection.execute(f"pragma query_only = {int(self.full)}")


@pytest.fixture
def disk() -> Iterator[FullDisk]:
    found = FullDisk()
    event.listen(Pool, "checkout", found.limit)
    yield found
    event.remove(Pool, "checkout", found.limit)


async def test_a_saga_whose_answer_met_a_disk_that_takes_nothing_goes_on_when_it_does(
    tmp_path: Path, disk: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "_LOST_S", 0.2)
    done: list[str] = []

    async def stepwise(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        for step in ("one", "two", "three"):

            async def effect(step: str = step) -> Json:
                done.append(step)
                disk.full = done == ["one", "two"]
                return {}

            await perform(step, effect)

    with capture_logs() as said:
        async with DurableEngine(tmp_path, {"stepwise": stepwise}, watch_s=0.05) as engine:
            await engine.start("stepwise", "s1", "ds-1")
            await wait_for(
                lambda: {"saga_interrupted", "adoption_failed"} <= {each["event"] for each in said}
            )
            assert not await engine.wait("s1", 0)
            disk.full = False

            async def has_ended() -> bool:
                return await engine.wait("s1", 1)

            await wait_for_async(has_ended, 60)
    assert done == ["one", "two", "two", "three"]
