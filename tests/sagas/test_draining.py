"""Drain: nothing new anywhere, what runs ends, and everything else goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain.callers import Caller
from domain.draining import Drain
from domain.errors import DrainingError, ProvisionFailedError, StageMismatchError
from domain.vocabulary import DatasetStatus, DatasetType, Stage
from server.sandbox.faults import Fault
from tests.stepping_in import Before
from tests.world import ALL

if TYPE_CHECKING:
    from domain.job import Outside
    from tests.world import World

OPS = Caller(subject="person:ops")
OTHER = Caller(subject="person:other")
JIRA: dict[str, Any] = {"dataset_type": DatasetType.JIRA_ISSUES}
NOT_DRAINING = Drain(draining=False, since=None, by=None, running=())


async def test_a_drain_stays_as_it_was_begun_until_it_is_ended(place: World) -> None:
    async with place.process() as process:
        draining = process.services.draining
        assert await draining.status() == NOT_DRAINING
        begun = await draining.on(OPS)
        assert (begun.draining, begun.by) == (True, "person:ops")
        assert await draining.on(OTHER) == begun
    async with place.process() as process:
        draining = process.services.draining
        assert await draining.status() == begun
        assert await draining.off(OPS) == NOT_DRAINING
        assert await draining.off(OPS) == NOT_DRAINING


async def test_with_provisions_running_in_two_processes_the_next_is_refused_in_both_and_all_end_ready(
    place: World,
) -> None:
    held = anyio.Event()

    def holding(outside: Outside) -> Outside:
        return replace(outside, platform=Before(outside.platform, "ensure", held.wait))

    async with place.process(replace=holding) as one, place.process(replace=holding) as two:
        await one.arrive()
        begun = [await one.start(), await two.start(dataset_type=DatasetType.SLACK_MESSAGES)]

        drain = await one.services.draining.on(OPS)

        assert [each.dataset_id for each in drain.running] == [each.dataset.dataset_id for each in begun]
        for process in (one, two):
            with pytest.raises(DrainingError) as refusal:
                await process.start(**JIRA)
            told = refusal.value.as_dict()
            assert (told["code"], told["recovery"], told["retry_after_s"]) == ("draining", "wait", 60)
            assert (await process.start()).dataset.dataset_id == begun[0].dataset.dataset_id
        settled: list[Drain] = []

        async def settle() -> None:
            settled.append(await two.services.draining.settled())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(settle)
            held.set()
        assert settled == [replace(drain, running=())]
        for each in begun:
            assert (await one.look(each.dataset.dataset_id)).status is DatasetStatus.READY

        await two.services.draining.off(OPS)
        assert (await one.provision(**JIRA)).status is DatasetStatus.READY


async def test_a_drain_that_begins_between_the_look_and_the_admission_is_seen(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        services, templates = process.services, process.outside.templates
        late = replace(
            process.outside, templates=Before(templates, "list", lambda: services.draining.on(OPS))
        )
        provisioning = type(services.provisioning)(late, services.sagas)
        process.services = replace(services, provisioning=provisioning)
        with pytest.raises(DrainingError):
            await process.start()
        assert await process.events() == []


async def test_attaching_and_taking_down_go_on_and_a_retry_does_not(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        ready = await process.provision()
        place.glean.faults.add(Fault(kind="sync_fails"))
        with pytest.raises(ProvisionFailedError):
            await process.provision(**JIRA)
        await process.services.draining.on(OPS)

        assert await process.provision() == ready
        for retry, error in ((False, ProvisionFailedError), (True, DrainingError)):
            with pytest.raises(error):
                await process.provision(retry=retry, **JIRA)
        assert await process.provision(retry=True) == ready  # nothing to retry: it attaches
        with pytest.raises(StageMismatchError):
            await process.start(stage=Stage.PILOT)
        await process.complete()
        assert (await process.tear_down(ready, caller=ALL)).status is DatasetStatus.ARCHIVED
