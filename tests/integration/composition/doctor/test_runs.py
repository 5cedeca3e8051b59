"""What `doctor` says of running work, and what a process that runs no sagas knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from domain.model.run import Run
from domain.ports import Worker
from server.adapters.engine.engine import DurableEngine
from server.adapters.engine.null_engine import NullEngine
from server.doctor.runs import find_abandoned_runs
from server.infra.postgres.dsn import parse_postgres_url
from tests.support.entities import NOW, dataset

if TYPE_CHECKING:
    from pathlib import Path

    from domain.ports.engine import Json, StepRunner
    from server.infra.postgres.dsn import PostgresAddress
    from tests.support.stores.postgres_server import PostgresServer


def test_a_run_in_a_living_process_is_well() -> None:
    running = [dataset(run=Run(saga_id="snapshot:d:x", started_at=NOW)), dataset()]
    found = find_abandoned_runs(running, {"snapshot:d:x"}, serving=False)
    assert (found.warning, found.message) == (False, "2 running, each in a living process")


@pytest.mark.parametrize(("serving", "action"), [(True, "within seconds"), (False, "Start `dataset-life")])
def test_runs_that_nobody_works_on_are_named_up_to_a_point(*, serving: bool, action: str) -> None:
    running = [dataset(run=Run(saga_id=f"undo:d:{number}", started_at=NOW)) for number in range(21)]
    found = find_abandoned_runs(running, {"undo:d:20x"}, serving=serving)
    assert (found.ok, found.warning) == (True, True)
    assert found.message.startswith(
        f"nobody works on {dataset().name} (undo of {dataset().dataset_id}, since "
    )
    assert found.message.endswith(" and 1 more")
    assert action in found.action


async def test_a_process_without_sagas_knows_which_of_them_a_living_process_runs(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    inside = anyio.Event()

    async def hang(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        async def effect() -> Json:
            inside.set()
            await anyio.sleep_forever()
            return {}

        await perform("hang", effect)

    async def try_at(where: Path | PostgresAddress) -> None:
        assert DurableEngine.list_worked_on(where, ["s1"]) == set()
        async with DurableEngine(where, {"hang": hang}) as engine:
            await engine.start("hang", "s1", "ds-1")
            await inside.wait()
            assert DurableEngine.list_worked_on(where, ["s1", "s2"]) == {"s1"}
            assert await NullEngine(where).find_worker("s1") is Worker.OTHER_PROCESS
        assert DurableEngine.list_worked_on(where, ["s1"]) == set()
        assert await NullEngine(where).find_worker("s1") is Worker.NOBODY

    await try_at(tmp_path)
    inside = anyio.Event()
    await try_at(parse_postgres_url(postgres.create_database()))
