"""What a process of another release finds, and leaves alone.

Which steps each kind of saga has, and which fields the rows that sagas change, stands in
`tests/conformance/golden/releases`: a replica of the release before works beside this one while an installation is
upgraded, and each goes on with what the other left.
"""

from __future__ import annotations

import json
import os
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from domain.connectors.monitor import RECHECK
from domain.errors import ArchiveFailedError, ProvisionFailedError, StoreFailedError
from domain.governance.schedules import SCHEDULED_RUN_KIND, scheduled_run_id
from domain.model import connector, content, dataset, journey, run
from domain.model.dataset import Layout
from domain.model.enums import DatasetStatus, DatasetType, TeardownReason
from domain.model.run import SagaId
from domain.model.schedule import WORKFLOW_PURGE_SCHEDULE
from tests.support.inline_engine import CrashAt
from tests.support.interception import CallInterceptor
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.world import Process, World

GOLDEN = Path(__file__).parents[3] / "conformance" / "golden" / "releases"
STEPS = """\
The steps of a saga have changed. One that was begun by the release before is gone on with by this one, and the other \
way round, so a changed list of steps is a saga of another kind: give its definition another \
`kind`, and keep the former kind as long as one may be left. Only then: UPDATE_GOLDEN=1."""
ROWS = """\
Rows that sagas change have other fields. The release before drops those that it does not know when it changes such a \
row, and cannot read one without those that it needs. So a field is only added, with a default; when it must not be \
lost, `domain.model.dataset.Layout` gets another number, and the release before leaves such rows alone. Only then: \
UPDATE_GOLDEN=1."""


def equals_golden(name: str, found: Mapping[str, object]) -> bool:
    """Whether it is as it was agreed on."""
    golden = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return bool(json.loads(golden.read_text(encoding="utf-8")) == found)


async def test_every_kind_of_saga_has_the_steps_that_were_agreed_on(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        await process.services.snapshots.take(ready.dataset_id, OPERATOR)
        await fail_late(process)
        for kind, saga_id, of in (
            (
                SCHEDULED_RUN_KIND,
                scheduled_run_id(WORKFLOW_PURGE_SCHEDULE, "2026-03-01"),
                WORKFLOW_PURGE_SCHEDULE,
            ),
            (RECHECK, "recheck:c1:2026-03-01", ready.dataset_id),
        ):
            await process.engine.start(kind, saga_id, of)
            assert await process.engine.wait(saga_id, 30)
        await process.complete_journey()
        archives = world.folder / "archives" / "acme"
        archives.rename(archives.with_name("elsewhere"))
        archives.write_text("no folder")
        with pytest.raises(ArchiveFailedError):
            await process.tear_down(ready)
        archives.unlink()
        await process.tear_down(ready)
    found: dict[str, list[list[str]]] = {}
    for each in world.journal.values():
        ways = found.setdefault(each.kind, [])
        if list(each.steps) not in ways:
            ways.append(list(each.steps))
    assert all(each.ended for each in world.journal.values())
    assert found.keys() == {"provision", "teardown", "undo", "snapshot", SCHEDULED_RUN_KIND, RECHECK}
    assert equals_golden("sagas", found), STEPS


async def fail_late(process: Process) -> None:
    """A provision that fails late and cannot be undone at once; then it can."""
    glean = process.world.glean
    glean.faults.add(Fault(kind="sync_fails"))
    glean.faults.add(Fault(kind="status", operation="datasources.delete", status=503, times=None))
    with pytest.raises(ProvisionFailedError) as failure:
        await process.provision(dataset_type=DatasetType.JIRA_ISSUES)
    glean.faults.clear()
    await process.services.sagas.resume(respect_backoff=False)
    await process.services.sagas.wait(str(failure.value.facts["dataset_id"]), 30)


def test_the_rows_that_sagas_change_have_the_fields_that_were_agreed_on() -> None:
    rows = {
        name: [each.name for each in fields(kind)]
        for module in (connector, content, dataset, journey, run)
        for name, kind in vars(module).items()
        if is_dataclass(kind) and isinstance(kind, type)
        if kind is not SagaId  # stored as a string
    }
    assert equals_golden("rows", {"layout": list(get_args(Layout)), "fields": rows}), ROWS


NEWER = {
    "a layout": ('"layout":1', '"layout":2'),
    "a status": ('"status":"provisioning"', '"status":"quarantined"'),
}


@pytest.mark.each_store
@pytest.mark.parametrize("what", NEWER)
async def test_a_dataset_that_a_newer_release_has_written_is_left_alone_with_its_saga(
    world: World, what: str
) -> None:
    async with world.open_process(crash=CrashAt("push", "before")) as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.engine.wait(list(world.journal)[-1], 30)
    dataset_id = begun.dataset.dataset_id
    ours, theirs = NEWER[what]
    world.execute_sql(f"update datasets set document = replace(document, '{ours}', '{theirs}')")  # noqa: S608
    before = (world.glean.documents(begun.dataset.name), world.staged_files())

    async with world.open_process() as older:
        requests = changed_requests(world)
        assert await older.services.sagas.resume(respect_backoff=False) == 0
        await older.engine.resume()
        assert await older.engine.wait(list(world.journal)[-1], 30)
        assert await older.services.sagas.resume(respect_backoff=False) == 0
        for call in (
            older.provision(),
            older.start_provision(retry=True),
            older.services.datasets.show(dataset_id, OPERATOR),
        ):
            with pytest.raises(StoreFailedError, match="cannot be decoded") as refusal:
                await call
            assert "newer release" in refusal.value.suggested_action
        assert changed_requests(world) == requests
        assert (world.glean.documents(begun.dataset.name), world.staged_files()) == before

    world.execute_sql(f"update datasets set document = replace(document, '{theirs}', '{ours}')")  # noqa: S608
    async with world.open_process() as newer:
        await newer.services.sagas.resume(respect_backoff=False)
        ready, _ = await newer.services.sagas.wait(dataset_id, 30)
        assert ready.status is DatasetStatus.READY


async def test_a_row_that_says_nothing_of_its_layout_is_of_the_first(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        world.execute_sql("update datasets set document = replace(document, ',\"layout\":1', '')")
        assert await process.load_dataset(ready.dataset_id) == ready


async def test_what_may_be_lost_is_dropped_and_nothing_else(world: World) -> None:
    """A field that a newer release has added without another layout, for the older one may lose it."""
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        world.execute_sql(
            'update datasets set document = replace(document, \'"layout":1\', \'"hue":2,"layout":1\')'
        )
        assert await process.load_dataset(ready.dataset_id) == ready
        await process.complete_journey()
        assert (await process.tear_down(ready)).status is DatasetStatus.ARCHIVED


@pytest.mark.each_store
async def test_a_process_goes_on_while_a_newer_release_has_added_to_the_schema(world: World) -> None:
    """Replicas are upgraded one after another; the one that runs is drained, not refused."""
    marked = False

    async def upgrade_meanwhile() -> None:
        nonlocal marked
        if not marked:
            marked = True
            world.execute_sql("create table hues (dataset_id text primary key, hue text)")
            world.execute_sql("alter table datasets add column hue text")

    async with world.open_process(
        replace=lambda deps: replace(deps, platform=CallInterceptor(deps.platform, "push", upgrade_meanwhile))
    ) as older:
        await older.add_client_and_journey()
        ready = await older.provision()
        assert (ready.status, marked) == (DatasetStatus.READY, True)
        await older.complete_journey()
        down = await older.tear_down(ready, TeardownReason.JOURNEY_COMPLETED)
        assert down.status is DatasetStatus.ARCHIVED


def changed_requests(world: World) -> dict[tuple[str, int], int]:
    """The requests that Glean was sent, without the question which tenant it is."""
    return {key: count for key, count in world.glean.request_counts().items() if key[0] != "tenant.get"}
