"""Drain: nothing new anywhere, what runs ends, and everything else goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain.errors import DrainingError, ProvisionFailedError, StageMismatchError
from domain.lifecycle.drain import DrainStatus
from domain.lifecycle.provision.service import ProvisionService
from domain.model.enums import DatasetStatus, DatasetType, Stage
from domain.model.principal import Principal
from tests.support.interception import CallInterceptor
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from domain.lifecycle.sagas.context import Dependencies
    from tests.support.world import World

OPS = Principal(subject="person:ops")
OTHER = Principal(subject="person:other")
JIRA: dict[str, Any] = {"dataset_type": DatasetType.JIRA_ISSUES}
NOT_DRAINING = DrainStatus(draining=False, since=None, by=None, running=())


async def test_a_drain_stays_as_it_was_begun_until_it_is_ended(world: World) -> None:
    async with world.open_process() as process:
        draining = process.services.drain
        assert await draining.load_status() == NOT_DRAINING
        begun = await draining.begin_drain(OPS)
        assert (begun.draining, begun.by) == (True, "person:ops")
        assert await draining.begin_drain(OTHER) == begun
    async with world.open_process() as process:
        draining = process.services.drain
        assert await draining.load_status() == begun
        assert await draining.end_drain(OPS) == NOT_DRAINING
        assert await draining.end_drain(OPS) == NOT_DRAINING


async def test_with_provisions_running_in_two_processes_the_next_is_refused_in_both_and_all_end_ready(
    world: World,
) -> None:
    held = anyio.Event()

    def hold_ensure(deps: Dependencies) -> Dependencies:
        return replace(deps, platform=CallInterceptor(deps.platform, "ensure", held.wait))

    async with world.open_process(replace=hold_ensure) as one, world.open_process(replace=hold_ensure) as two:
        await one.add_client_and_journey()
        begun = [
            await one.start_provision(),
            await two.start_provision(dataset_type=DatasetType.SLACK_MESSAGES),
        ]

        drain = await one.services.drain.begin_drain(OPS)

        assert [each.dataset_id for each in drain.running] == [each.dataset.dataset_id for each in begun]
        for process in (one, two):
            with pytest.raises(DrainingError) as refusal:
                await process.start_provision(**JIRA)
            told = refusal.value.as_dict()
            assert (told["code"], told["recovery"], told["retry_after_s"]) == ("draining", "wait", 60)
            assert (await process.start_provision()).dataset.dataset_id == begun[0].dataset.dataset_id
        settled: list[DrainStatus] = []

        async def settle() -> None:
            settled.append(await two.services.drain.wait_until_idle())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(settle)
            held.set()
        assert settled == [replace(drain, running=())]
        for each in begun:
            assert (await one.load_dataset(each.dataset.dataset_id)).status is DatasetStatus.READY

        await two.services.drain.end_drain(OPS)
        assert (await one.provision(**JIRA)).status is DatasetStatus.READY


async def test_a_drain_that_begins_between_the_look_and_the_admission_is_seen(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        services, deps = process.services, process.deps
        provisioning = ProvisionService(
            store=deps.store,
            clock=deps.clock,
            ids=deps.ids,
            templates=CallInterceptor(deps.templates, "list", lambda: services.drain.begin_drain(OPS)),
            platform=deps.platform,
            sagas=services.sagas,
        )
        process.services = replace(services, provisioning=provisioning)
        with pytest.raises(DrainingError):
            await process.start_provision()
        assert await process.load_event_kinds() == []


async def test_attaching_and_taking_down_go_on_and_a_retry_does_not(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        world.glean.faults.add(Fault(kind="sync_fails"))
        with pytest.raises(ProvisionFailedError):
            await process.provision(**JIRA)
        await process.services.drain.begin_drain(OPS)

        assert await process.provision() == ready
        for retry, error in ((False, ProvisionFailedError), (True, DrainingError)):
            with pytest.raises(error):
                await process.provision(retry=retry, **JIRA)
        assert await process.provision(retry=True) == ready  # nothing to retry: it attaches
        with pytest.raises(StageMismatchError):
            await process.start_provision(stage=Stage.PILOT)
        await process.complete_journey()
        assert (await process.tear_down(ready, principal=OPERATOR)).status is DatasetStatus.ARCHIVED
