"""A platform that has gone holds no dataset for ever; but only a person lets a connector be left behind."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from domain.errors import (
    ArchiveFailedError,
    ConfirmationRequiredError,
    InvalidArgumentError,
    JourneyActiveError,
    PlatformDeniedError,
    PlatformError,
    PlatformUnavailableError,
    PreconditionUnknownError,
)
from domain.model.approval import ApprovalState
from domain.model.enums import (
    ConnectorOutcome,
    ConnectorStatus,
    DatasetStatus,
    JourneyState,
    Stage,
    TeardownReason,
    Waiver,
)
from domain.model.principal import Principal
from server.adapters.glean.admin.platform import AdminPlatform
from tests.support.inline_engine import CrashAt
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, AcceptingConfirmer, UnavailableConfirmer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.lifecycle.teardown.service import TeardownResult
    from domain.model.approval import Confirmer
    from domain.model.dataset import Dataset
    from domain.ports import UnitOfWork
    from tests.support.world import Process, World

AGENT = Principal(subject="agent:kim")
LEE = Principal(subject="person:lee")
DONE = TeardownReason.JOURNEY_COMPLETED
GONE = Fault(kind="status", operation="*", status=401, times=None)


@asynccontextmanager
async def create_unreachable_dataset(
    place: World, stage: Stage = Stage.SANDBOX, confirmer: Confirmer | None = None
) -> AsyncIterator[tuple[Process, Dataset]]:
    """A dataset that its journey needs no longer, in a Glean that answers nobody any more."""
    async with place.open_process(confirmer=confirmer) as process:
        await process.add_client_and_journey(stage=stage)
        dataset = await process.provision(stage=stage)
        await process.complete_journey()
        place.glean.faults.add(GONE)
        yield process, await process.load_dataset(dataset.dataset_id)


async def abandon_connector(
    process: Process, dataset: Dataset, principal: Principal = AGENT, confirmer: Confirmer | None = None
) -> TeardownResult:
    teardowns = process.services.teardowns
    begun = await teardowns.start_or_attach(dataset.dataset_id, DONE, principal, confirmer, abandon=True)
    return await teardowns.wait(begun, 30)


async def file_request(process: Process, dataset: Dataset) -> str:
    """The request that abandoning files, which changes nothing else."""
    before = await process.load_dataset(dataset.dataset_id)
    with pytest.raises(ConfirmationRequiredError) as refusal:
        await abandon_connector(process, dataset)
    assert await process.load_dataset(dataset.dataset_id) == before
    assert refusal.value.facts["how"] == "approval"
    return str(refusal.value.facts["approval_id"])


async def approve(process: Process, approval_id: str) -> None:
    desk = process.services.approvals
    held = await desk.load(approval_id, LEE)
    await desk.approve(approval_id, LEE, held.phrase)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.each_dialect
async def test_a_person_approves_it_at_every_stage_and_the_connector_stays(
    world: World, stage: Stage
) -> None:
    async with create_unreachable_dataset(world, stage) as (process, dataset):
        approval_id = await file_request(process, dataset)
        held = await process.services.approvals.load(approval_id, LEE)
        assert held.concession is Waiver.ABANDON_CONNECTOR
        assert held.shown["concession"] == "abandon_connector"
        assert held.shown["lost"] == "its staged documents"
        assert "its documents stay in Glean" in held.shown["stays"]
        await approve(process, approval_id)

        down = (await abandon_connector(process, dataset)).dataset

        assert down.status is DatasetStatus.ARCHIVED
        assert down.teardown is not None
        assert down.teardown.connector_outcome is ConnectorOutcome.ABANDONED
        assert down.teardown.manual_step == (
            f"Delete the datasource {dataset.name} in Glean, when it can be reached again."
        )
        assert down.teardown.confirmation is not None
        assert down.teardown.confirmation.concession is Waiver.ABANDON_CONNECTOR
        assert down.teardown.staging_deleted
        connector = await process.deps.store.read(lambda uow: uow.connectors.get(down.connector_id or ""))
        assert connector is not None
        assert connector.status is ConnectorStatus.DISCONNECTED
    world.glean.faults.clear()
    assert len(world.served_document_ids(dataset.name)) == 30


@pytest.mark.each_dialect
async def test_health_lists_what_was_abandoned_whether_the_platform_answers_or_not(world: World) -> None:
    async with create_unreachable_dataset(world) as (process, dataset):
        await approve(process, await file_request(process, dataset))
        await abandon_connector(process, dataset)
        health = process.services.health
        [silent] = (await health.check(OPERATOR)).drift
        assert (silent.kind, silent.name, silent.dataset_id, silent.client_id) == (
            "unowned_connector",
            dataset.name,
            dataset.dataset_id,
            "acme",
        )
        assert "abandoned" in silent.suggested_action
        assert silent in (await health.check(OPERATOR, connector_id=silent.connector_id)).drift
        if world.dialect is AdminPlatform:  # whose fingerprint is asked for
            with pytest.raises(PlatformError):
                await health.check(Principal(subject="agent:x", clients=frozenset({"globex"})))

        world.glean.faults.clear()
        [listed] = (await health.check(OPERATOR)).drift
        assert (listed.kind, listed.dataset_id, listed.connector_id) == (
            "unowned_connector",
            dataset.dataset_id,
            None,
        )
        world.glean.delete_datasource(world.datasource_name(dataset.name))
        assert (await health.check(OPERATOR)).drift == ()
        if world.dialect is not AdminPlatform:
            return

        world.glean.replace_tenant()
        [elsewhere] = (await health.check(OPERATOR)).drift
        assert "Another platform" in elsewhere.suggested_action
        assert (await health.check(OPERATOR, cursor="a")).drift == ()


async def test_nothing_but_an_approval_allows_it(world: World) -> None:
    async with create_unreachable_dataset(world) as (process, dataset):
        for how in ("typed_name", "elicitation", "approval"):
            with pytest.raises(ConfirmationRequiredError):
                await abandon_connector(process, dataset, confirmer=AcceptingConfirmer(how))
        assert await process.load_dataset(dataset.dataset_id) == dataset
    async with world.open_process(confirmer=UnavailableConfirmer()) as process:
        with pytest.raises(
            ConfirmationRequiredError, match="leaving its connector in Glean, only when another"
        ):
            await abandon_connector(process, dataset)
        assert await process.services.approvals.list(LEE) == []


async def test_an_ordinary_approval_abandons_nothing_and_the_other_way_round(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey(stage=Stage.PILOT)
        dataset = await process.provision(stage=Stage.PILOT)
        await process.complete_journey()
        with pytest.raises(ConfirmationRequiredError) as refusal:
            await process.tear_down(dataset, DONE, AGENT)
        ordinary = str(refusal.value.facts["approval_id"])
        await approve(process, ordinary)
        world.glean.faults.add(GONE)

        other = await file_request(process, dataset)
        assert other != ordinary
        await approve(process, other)
        world.glean.faults.clear()
        assert (await process.tear_down(dataset, DONE, AGENT)).status is DatasetStatus.ARCHIVED
        states = {
            each.approval_id: each.state
            for each in await process.services.approvals.list(LEE, everything=True)
        }
        assert (states[ordinary], states[other]) == (ApprovalState.USED, ApprovalState.VOID)


async def test_a_grant_to_abandon_takes_no_connector_down(world: World) -> None:
    async with create_unreachable_dataset(world, Stage.PILOT) as (process, dataset):
        await approve(process, await file_request(process, dataset))
        world.glean.faults.clear()
        with pytest.raises(ConfirmationRequiredError):
            await process.tear_down(dataset, DONE, AGENT)
        assert await process.load_dataset(dataset.dataset_id) == dataset


async def test_every_other_check_stays(world: World) -> None:
    async with create_unreachable_dataset(world) as (process, dataset):
        approval_id = await file_request(process, dataset)
        await approve(process, approval_id)
        await process.services.registry.set_state("j1", JourneyState.ACTIVE, OPERATOR)
        with pytest.raises(JourneyActiveError) as refusal:
            await abandon_connector(process, dataset)
        assert [each.code for each in refusal.value.blocking] == ["journey_active", "reason_not_true"]
        assert (await process.services.approvals.load(approval_id, LEE)).state is ApprovalState.VOID
        with pytest.raises((JourneyActiveError, PreconditionUnknownError)):
            await process.tear_down(dataset, DONE, AGENT)


@pytest.mark.each_dialect
async def test_a_platform_that_answers_is_not_abandoned(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
        with pytest.raises(InvalidArgumentError, match="an ordinary teardown removes it") as refusal:
            await abandon_connector(process, dataset)
        assert refusal.value.field == "abandon_connector"
        bare = dataset.evolve(connector_id=None)
        await process.deps.store.transact(lambda uow: uow.datasets.put(bare))
        with pytest.raises(InvalidArgumentError, match="there is none to abandon"):
            await abandon_connector(process, dataset)
        assert await process.services.approvals.list(LEE) == []


async def test_somebody_elses_platform_is_left_as_it_is(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
        world.glean.replace_tenant(keep_content=True)
        await approve(process, await file_request(process, dataset))
        before = len(world.glean.datasources())
        down = (await abandon_connector(process, dataset)).dataset
        assert down.status is DatasetStatus.ARCHIVED
        assert len(world.glean.datasources()) == before
        assert len(world.served_document_ids(dataset.name)) == 30


@pytest.mark.each_dialect
async def test_a_connector_whose_making_was_never_answered_is_abandoned_too(world: World) -> None:
    async with create_unreachable_dataset(world) as (process, dataset):

        def forget_handle(uow: UnitOfWork) -> None:
            connector = uow.connectors.get(dataset.connector_id or "")
            assert connector is not None
            uow.connectors.put(replace(connector, handle=None))

        await process.deps.store.transact(forget_handle)
        world.glean.faults.clear()
        with pytest.raises(InvalidArgumentError, match="an ordinary teardown removes it"):
            await abandon_connector(process, dataset)
        world.glean.faults.add(GONE)
        await approve(process, await file_request(process, dataset))
        assert (await abandon_connector(process, dataset)).dataset.status is DatasetStatus.ARCHIVED


@pytest.mark.each_dialect
async def test_a_teardown_that_stands_at_the_disconnect_goes_on_without_it(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
        world.glean.faults.add(
            Fault(kind="status", operation=world.operation_name("datasources.delete"), status=403, times=None)
        )
        with pytest.raises(PlatformDeniedError):
            await process.tear_down(dataset, DONE, AGENT)
        # Called again without it, it tries the same again; nobody is asked.
        with pytest.raises(PlatformDeniedError):
            await process.tear_down(dataset, DONE, AGENT)
        assert await process.services.approvals.list(LEE) == []

        approval_id = await file_request(process, dataset)
        await approve(process, approval_id)
        down = (await abandon_connector(process, dataset)).dataset
        assert down.status is DatasetStatus.ARCHIVED
        assert down.teardown is not None
        assert down.teardown.connector_outcome is ConnectorOutcome.ABANDONED
        assert [each.approval_id for each in down.teardown.conceded] == [approval_id]
        assert down.teardown.confirmation is None
        assert (await process.services.approvals.load(approval_id, LEE)).state is ApprovalState.USED
        assert (await abandon_connector(process, dataset)).dataset == down


async def test_what_was_abandoned_is_not_asked_about_again_and_is_not_gone_back_on(world: World) -> None:
    async with create_unreachable_dataset(world) as (process, dataset):
        await approve(process, await file_request(process, dataset))
    async with world.open_process(crash=CrashAt("disconnect", "after")) as process:
        await process.services.teardowns.start_or_attach(dataset.dataset_id, DONE, AGENT, abandon=True)
        await process.wait_for_crash()
    [documents] = (world.folder / "archives").rglob("documents.jsonl.zst")
    whole = documents.read_bytes()
    documents.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    async with world.open_process() as process:
        with pytest.raises(ArchiveFailedError):
            await abandon_connector(process, dataset)
        assert (await abandon_connector(process, dataset)).dataset.status is DatasetStatus.ARCHIVED


async def test_a_platform_that_hangs_up_while_it_is_taken_down_can_be_abandoned_then(world: World) -> None:
    async with world.open_process(crash=CrashAt("archive", "after")) as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
        await process.services.teardowns.start_or_attach(dataset.dataset_id, DONE, AGENT)
        await process.wait_for_crash()
    world.glean.faults.add(Fault(kind="status", operation="*", status=503, times=None))
    async with world.open_process() as process:
        with pytest.raises(PreconditionUnknownError, match="ready again"):
            await process.tear_down(dataset, DONE, AGENT)
        await approve(process, await file_request(process, dataset))
        assert (await abandon_connector(process, dataset)).dataset.status is DatasetStatus.ARCHIVED
        with pytest.raises(PlatformUnavailableError):
            await process.services.health.check(Principal(subject="agent:x", clients=frozenset({"globex"})))
