"""An archived dataset comes back as it was, as a new one; or nothing comes, and the refusal says why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import (
    ArchiveFailedError,
    DatasetConflictError,
    DatasetProtectedError,
    DrainingError,
    InvalidArgumentError,
    JourneyNotActiveError,
    NotRestorableError,
    ProvisionFailedError,
    QuotaExceededError,
    Recovery,
    StageMismatchError,
    TeardownInProgressError,
    UnknownDatasetError,
    UnknownJourneyError,
)
from domain.lifecycle.archives.restore_content import RESTORE_PROTECTION
from domain.lifecycle.drain import DrainService
from domain.lifecycle.provision.restore import RestoreService
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage, TeardownReason
from domain.model.journey import Journey
from domain.model.principal import Principal
from domain.model.run import Run
from domain.policy.provision import ProvisionLimits
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from pathlib import Path

    from domain.lifecycle.provision.service import ProvisionResult
    from domain.model.dataset import Dataset
    from domain.ports import UnitOfWork
    from tests.support.world import Process, World


async def archive_dataset(process: Process, **changes: Any) -> Dataset:
    """A dataset of journey j1 that was taken down, and an active journey j2 beside it."""
    await process.add_client_and_journey()
    dataset = await process.provision(**changes)
    await process.complete_journey()
    gone = await process.tear_down(dataset)
    await journey(process, "j2")
    return gone


async def journey(process: Process, journey_id: str, stage: Stage = Stage.SANDBOX, **changes: Any) -> None:
    made = Journey(journey_id=journey_id, client_id="acme", stage=stage, state=JourneyState.ACTIVE)
    await process.services.registry.add_journey(replace(made, **changes), OPERATOR)


async def begin(
    process: Process, source: Dataset | str, journey_id: str = "j2", principal: Principal = OPERATOR
) -> ProvisionResult:
    dataset_id = source if isinstance(source, str) else source.dataset_id
    return await process.services.restores.start_or_attach(dataset_id, journey_id, principal)


async def restore(
    process: Process, source: Dataset | str, journey_id: str = "j2", principal: Principal = OPERATOR
) -> Dataset:
    begun = await begin(process, source, journey_id, principal)
    return (await process.services.provisioning.wait(begun, 30)).dataset


async def catch_refusal(process: Process, source: Dataset | str, **given: Any) -> NotRestorableError:
    """The refusal, which has changed nothing."""
    before = await process.load_event_kinds()
    with pytest.raises(NotRestorableError) as found:
        await begin(process, source, **given)
    assert await process.load_event_kinds() == before
    assert found.value.field == "dataset_id"
    return found.value


def folder(place: World, dataset: Dataset) -> Path:
    return place.folder / "archives" / "acme" / "sandbox" / dataset.dataset_type.value / dataset.dataset_id


def served_documents(place: World) -> list[tuple[str, list[Any]]]:
    """What Glean serves, by datasource."""
    return [(name, each["documents"]) for name, each in place.glean.snapshot().items() if each["documents"]]


@pytest.mark.parametrize("dataset_type", DatasetType)
@pytest.mark.each_dialect
async def test_what_comes_back_is_what_was_served_byte_by_byte(
    world: World, dataset_type: DatasetType
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        first = await process.provision(dataset_type=dataset_type)
        staged = (world.folder / "staging" / first.dataset_id / "1.jsonl").read_bytes()
        glean = served_documents(world)
        await process.complete_journey()
        gone = await process.tear_down(first)
        assert served_documents(world) == []
        await journey(process, "j2")

        again = await restore(process, gone)

    assert again.dataset_id != gone.dataset_id
    assert (world.folder / "staging" / again.dataset_id / "1.jsonl").read_bytes() == staged
    assert served_documents(world) == glean
    assert again.content == first.content
    assert again == replace(
        gone,
        dataset_id=again.dataset_id,
        journey_id="j2",
        status=DatasetStatus.READY,
        created_at=again.created_at,
        last_used_at=again.created_at,
        generation=again.generation,
        quality=replace(first.quality, evaluated_at=again.quality.evaluated_at)
        if first.quality and again.quality
        else None,
        connector_id=f"cn-{again.dataset_id}-1",
        archived_at=None,
        teardown=None,
        protected_until=again.protected_until,
        restored_from=gone.dataset_id,
    )


async def test_a_restored_dataset_is_kept_for_seven_days_and_says_where_it_came_from(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        before = world.clock.now()
        again = await restore(process, gone)
        events = [
            event
            for _, event in await process.deps.store.read(lambda uow: uow.events.find(limit=1000))
            if event.dataset_id == again.dataset_id
        ]
        await process.complete_journey("j2")
        with pytest.raises(DatasetProtectedError):
            await process.tear_down(again)
        world.clock.ahead += RESTORE_PROTECTION
        metadata = folder(world, await process.tear_down(again)) / "metadata.json"
    assert again.protected_until is not None
    assert before + RESTORE_PROTECTION < again.protected_until < world.clock.now()
    assert [str(each.kind) for each in events] == [
        "dataset:provisioning_started",
        "dataset:quality_evaluated",
        "dataset:restored",
        "dataset:provisioned",
    ]
    assert events[0].data["restored_from"] == events[2].data["restored_from"] == gone.dataset_id
    assert gone.content is not None
    assert events[2].data["checksum"] == gone.content.checksum
    assert json.loads(metadata.read_bytes())["restored_from"] == gone.dataset_id


@pytest.mark.each_dialect
async def test_what_was_restored_can_be_taken_down_and_restored_again(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        second = await restore(process, gone)
        await process.complete_journey("j2")
        world.clock.ahead += RESTORE_PROTECTION
        second = await process.tear_down(second)
        await journey(process, "j3")
        third = await restore(process, second, "j3")
        assert third.content == second.content == gone.content
        assert third.restored_from == second.dataset_id
        await process.complete_journey("j3")
        world.clock.ahead += RESTORE_PROTECTION
        await process.tear_down(third)
        await journey(process, "j4")
        fourth = await restore(process, gone, "j4")
    assert fourth.content == gone.content
    assert len({each.dataset_id for each in (gone, second, third, fourth)}) == 4


async def test_a_second_restore_attaches_or_conflicts(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        again = await restore(process, gone)
        attached = await begin(process, gone)
        assert attached.dataset == again
        assert not attached.created
        await journey(process, "j3")
        with pytest.raises(DatasetConflictError, match="is live already, for the journey 'j2'") as conflict:
            await begin(process, gone, "j3")
        assert conflict.value.facts == {"dataset_id": again.dataset_id}
        with pytest.raises(DatasetConflictError, match="is not archived"):
            await begin(process, again)
        # And a plain provision of the same place attaches to it, as to any other.
        assert (await process.provision(journey_id="j2")).dataset_id == again.dataset_id


async def test_two_restores_at_once_make_one_dataset(world: World) -> None:
    async with world.open_process() as one, world.open_process() as other:
        gone = await archive_dataset(one)
        begun = [await begin(each, gone) for each in (one, other)]
        assert [each.created for each in begun] == [True, False]
        assert begun[0].dataset.dataset_id == begun[1].dataset.dataset_id
        await one.services.provisioning.wait(begun[0], 30)


async def test_a_dataset_made_while_the_archive_was_read_keeps_its_place(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        verify = process.deps.archives.verify
        begun: list[ProvisionResult] = []

        async def meanwhile(where: str) -> dict[str, Any]:
            process.deps.archives.verify = verify  # type: ignore[method-assign]
            begun.append(await begin(process, gone))
            return await verify(where)

        process.deps.archives.verify = meanwhile  # type: ignore[assignment,method-assign]
        late = await begin(process, gone)
        await process.services.provisioning.wait(late, 30)
    assert (begun[0].created, late.created) == (True, False)
    assert late.dataset.dataset_id == begun[0].dataset.dataset_id


async def test_a_live_dataset_is_in_the_way_of_its_own_archive(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await journey(process, "j2")
        with pytest.raises(DatasetConflictError, match="is not archived"):
            await begin(process, dataset)


async def test_one_that_is_being_taken_down_is_to_be_waited_for(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        again = await restore(process, gone)
        going = again.evolve(status=DatasetStatus.TEARDOWN)
        await process.deps.store.transact(lambda uow: uow.datasets.put(going))
        with pytest.raises(TeardownInProgressError) as refusal:
            await begin(process, gone)
    assert refusal.value.retry_after_s == 5


# --- the journey ----------------------------------------------------------------------------------------------------


async def test_a_journey_past_the_stage_gets_it_back_at_its_own_stage(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        await journey(process, "past", Stage.PILOT)
        again = await restore(process, gone, "past")
    assert (again.status, again.stage, again.journey_id) == (DatasetStatus.READY, Stage.SANDBOX, "past")


async def test_a_journey_before_the_stage_gets_nothing(world: World) -> None:
    async with world.open_process() as process:
        gone = replace(await archive_dataset(process), stage=Stage.PILOT)
        await process.deps.store.transact(lambda uow: uow.datasets.put(gone))
        with pytest.raises(StageMismatchError) as refusal:
            await begin(process, gone)
    assert refusal.value.field == "journey_id"


@pytest.mark.parametrize("state", [each for each in JourneyState if each is not JourneyState.ACTIVE])
async def test_only_an_active_journey_gets_it(world: World, state: JourneyState) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        await journey(process, "other", state=state)
        with pytest.raises(JourneyNotActiveError):
            await begin(process, gone, "other")


async def test_a_journey_whose_lease_has_lapsed_gets_nothing(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        lapsed = world.clock.now() - timedelta(seconds=1)
        await journey(process, "other", lease_expires_at=lapsed)
        with pytest.raises(JourneyNotActiveError, match="expired"):
            await begin(process, gone, "other")


async def test_a_lease_that_lapses_while_the_archive_is_read_is_noticed(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        until = world.clock.now() + timedelta(hours=1)
        await journey(process, "other", lease_expires_at=until)
        verify = process.deps.archives.verify

        async def slow(where: str) -> dict[str, Any]:
            world.clock.ahead += timedelta(hours=2)
            return await verify(where)

        process.deps.archives.verify = slow  # type: ignore[assignment,method-assign]
        with pytest.raises(JourneyNotActiveError, match="expired"):
            await begin(process, gone, "other")


async def test_a_journey_of_another_client_is_unknown(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        await process.add_client_and_journey("beta", "theirs")
        with pytest.raises(UnknownJourneyError):
            await begin(process, gone, "theirs")
        with pytest.raises(InvalidArgumentError):
            await begin(process, gone, "../j2")


@pytest.mark.each_dialect
async def test_a_journey_that_is_cancelled_meanwhile_has_it_taken_back(world: World) -> None:
    async with world.open_process(crash=None) as process:
        gone = await archive_dataset(process)
        world.glean.set_indexing_rate(1_000_000, minimum_seconds=0.3)
        begun = await begin(process, gone)
        await process.services.registry.set_state("j2", JourneyState.CANCELLED, OPERATOR)
        with pytest.raises(ProvisionFailedError) as failure:
            await process.services.provisioning.wait(begun, 30)
        left = await process.load_dataset(begun.dataset.dataset_id)
    assert failure.value.facts["cause"] == "journey_not_active"
    assert (left.status, left.protected_until, left.content) == (DatasetStatus.FAILED, None, None)
    assert served_documents(world) == []


# --- the archive ----------------------------------------------------------------------------------------------------


async def test_an_unknown_dataset_and_one_of_another_client_are_the_same(world: World) -> None:
    stranger = Principal(subject="agent:x", clients=frozenset({"beta"}))
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        await process.add_client_and_journey("beta", "theirs")
        with pytest.raises(UnknownDatasetError) as unknown:
            await begin(process, "nobody", "theirs", stranger)
        with pytest.raises(UnknownDatasetError) as hidden:
            await begin(process, gone, "theirs", stranger)
    assert hidden.value.as_dict() == unknown.value.as_dict() | {
        "message": f"There is no dataset {gone.dataset_id!r}."
    }


async def test_a_sample_is_not_enough(world: World) -> None:
    world.policy = replace(world.policy, full_data=False)
    async with world.open_process() as process:
        error = await catch_refusal(process, await archive_dataset(process))
    assert "only a sample" in error.message
    assert error.recovery is Recovery.CHOOSE_OTHER


async def test_a_failed_dataset_left_nothing(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision(record_count=31)
        with pytest.raises(ProvisionFailedError):
            await process.services.provisioning.wait(begun, 30)
        gone = await process.tear_down(begun.dataset, TeardownReason.PROVISION_FAILED)
        assert "had failed" in (await catch_refusal(process, gone, journey_id="j1")).message


async def test_a_purged_archive_is_gone_also_while_it_is_being_purged(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        world.clock.ahead += timedelta(days=91)

        async def fail_to_write(_place: str) -> None:
            raise ArchiveFailedError("The disk is gone.")

        purge = process.deps.archives.purge
        process.deps.archives.purge = fail_to_write  # type: ignore[assignment,method-assign]
        await process.services.archives.purge_archives(OPERATOR, apply=True)
        assert "was purged at" in (await catch_refusal(process, gone)).message
        process.deps.archives.purge = purge  # type: ignore[method-assign]
        await process.services.archives.purge_archives(OPERATOR, apply=True)
        assert "was purged at" in (await catch_refusal(process, gone)).message


async def test_an_archive_is_not_purged_while_it_is_restored(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        again = await restore(process, gone)
        world.clock.ahead += timedelta(days=91)
        going = replace(again, run=Run(saga_id="provision:x:1", started_at=world.clock.now()))
        await process.deps.store.transact(lambda uow: uow.datasets.put(going))
        plan = await process.services.archives.purge_archives(OPERATOR, apply=True)
        assert (len(plan.due), plan.purged, plan.failed) == (1, (), ())
        await process.deps.store.transact(lambda uow: uow.datasets.put(again))
        plan = await process.services.archives.purge_archives(OPERATOR, apply=True)
    assert plan.purged == (gone.dataset_id,)


async def test_an_incomplete_archive_is_refused(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        await change_archive_facts(process, gone, incomplete=True)
        assert "documents were lost" in (await catch_refusal(process, gone)).message


async def test_an_archived_dataset_without_an_archive_is_refused(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        fresh = replace(gone, dataset_id="acme-sandbox-confluence-000000")
        await process.deps.store.transact(lambda uow: uow.datasets.put(fresh))
        assert "there is no archive of it" in (await catch_refusal(process, fresh)).message


@pytest.mark.parametrize("damage", ["no manifest", "no folder", "a bit", "cut", "metadata"])
async def test_a_damaged_archive_is_refused_and_a_person_is_told(world: World, damage: str) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        where = folder(world, gone)
        documents = where / "documents.jsonl.zst"
        match damage:
            case "no manifest":
                (where / "manifest.json").unlink()
            case "no folder":
                where.rename(world.folder / "elsewhere")
            case "a bit":
                data = bytearray(documents.read_bytes())
                data[len(data) // 2] ^= 1
                documents.write_bytes(data)
            case "cut":
                documents.write_bytes(documents.read_bytes()[:-1])
            case _:
                metadata = where / "metadata.json"
                metadata.write_bytes(metadata.read_bytes().replace(b"acme", b"emca"))
        error = await catch_refusal(process, gone)
    assert error.recovery is Recovery.NEEDS_HUMAN
    assert f"archives verify {gone.dataset_id}" in error.suggested_action


async def test_an_archive_of_other_documents_is_refused(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        assert gone.content is not None
        other = replace(gone, content=replace(gone.content, checksum="0" * 64))
        await process.deps.store.transact(lambda uow: uow.datasets.put(other))
        assert "other documents" in (await catch_refusal(process, gone)).message


async def change_archive_facts(process: Process, dataset: Dataset, **changes: Any) -> None:
    """Change what the store keeps about an archive."""

    def change(uow: UnitOfWork) -> None:
        facts = uow.archives.get(dataset.dataset_id)
        assert facts is not None
        uow.archives.put(dataset.dataset_id, facts | changes)

    await process.deps.store.transact(change)


# --- admission ------------------------------------------------------------------------------------------------------


async def test_the_limits_hold_for_what_is_restored(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        for limits in (ProvisionLimits(live_datasets_per_client=0), ProvisionLimits(records_per_dataset=29)):
            deps = process.deps
            restoring = RestoreService(
                store=deps.store,
                clock=deps.clock,
                ids=deps.ids,
                archives=deps.archives,
                platform=deps.platform,
                sagas=process.services.sagas,
                limits=limits,
            )
            with pytest.raises(QuotaExceededError):
                await restoring.start_or_attach(gone.dataset_id, "j2", OPERATOR)


async def test_a_drain_refuses_it_and_lets_one_attach(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        drain = DrainService(process.deps.store, world.clock)
        await drain.begin_drain(OPERATOR)
        with pytest.raises(DrainingError):
            await begin(process, gone)
        await drain.end_drain(OPERATOR)
        await restore(process, gone)
        await drain.begin_drain(OPERATOR)
        assert not (await begin(process, gone)).created


# --- failures -------------------------------------------------------------------------------------------------------


@pytest.mark.each_dialect
async def test_a_restore_that_failed_says_so_each_time_and_a_retry_restores_again(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        world.glean.faults.add(Fault(kind="status", operation=world.operation_name("health.get"), status=403))
        with pytest.raises(ProvisionFailedError) as failure:
            await restore(process, gone)
        with pytest.raises(ProvisionFailedError) as again:
            await restore(process, gone)
        assert again.value.as_dict() == failure.value.as_dict()
        assert failure.value.facts["cause"] == "platform_denied"
        failed = await process.load_dataset(failure.value.facts["dataset_id"])
        assert failed.protected_until is None
        made = await process.provision(journey_id="j2", retry=True)
    assert (made.status, made.attempt, made.restored_from) == (DatasetStatus.READY, 2, gone.dataset_id)
    assert gone.content is not None
    assert made.content == replace(gone.content, attempt=2)


async def test_an_archive_that_changes_behind_the_verification_restores_nothing(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)

        async def uncertain(where: str) -> dict[str, Any]:
            manifest = await verify(where)
            assert gone.content is not None
            other = replace(gone, content=replace(gone.content, size_bytes=1))
            await process.deps.store.transact(lambda uow: uow.datasets.put(other))
            return manifest

        verify = process.deps.archives.verify
        process.deps.archives.verify = uncertain  # type: ignore[assignment,method-assign]
        with pytest.raises(ProvisionFailedError, match="not the 30 that were archived") as failure:
            await restore(process, gone)
    assert (failure.value.facts["step"], failure.value.facts["cause"]) == ("populate", "archive_failed")
    assert [each for each in world.staged_files() if not each.startswith(".")] == []
    assert served_documents(world) == []


async def test_an_archive_that_was_purged_before_the_retry_fails_it(world: World) -> None:
    async with world.open_process() as process:
        gone = await archive_dataset(process)
        world.glean.faults.add(Fault(kind="status", operation=world.operation_name("health.get"), status=403))
        with pytest.raises(ProvisionFailedError):
            await restore(process, gone)
        world.clock.ahead += timedelta(days=91)
        assert (await process.services.archives.purge_archives(OPERATOR, apply=True)).purged == (
            gone.dataset_id,
        )
        with pytest.raises(ProvisionFailedError) as failure:
            await process.provision(journey_id="j2", retry=True)
    assert failure.value.facts["cause"] == "not_restorable"
    assert failure.value.recovery is Recovery.CHOOSE_OTHER
