"""An archived dataset comes back as it was, as a new one; or nothing comes, and the refusal says why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.callers import Caller
from domain.draining import Draining
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
from domain.model import Journey, Run
from domain.restoring import Restoring
from domain.safety import Limits
from domain.unarchiving import KEPT_FOR
from domain.vocabulary import DatasetStatus, DatasetType, JourneyState, Stage, TeardownReason
from server.sandbox.faults import Fault
from tests.world import ALL

if TYPE_CHECKING:
    from pathlib import Path

    from domain.admission import Provisioned
    from domain.model import Dataset
    from domain.records import Records
    from tests.world import Process, World


async def archived(process: Process, **changes: Any) -> Dataset:
    """A dataset of journey j1 that was taken down, and an active journey j2 beside it."""
    await process.arrive()
    dataset = await process.provision(**changes)
    await process.complete()
    gone = await process.tear_down(dataset)
    await journey(process, "j2")
    return gone


async def journey(process: Process, journey_id: str, stage: Stage = Stage.SANDBOX, **changes: Any) -> None:
    made = Journey(journey_id=journey_id, client_id="acme", stage=stage, state=JourneyState.ACTIVE)
    await process.services.registry.add_journey(replace(made, **changes), ALL)


async def begin(
    process: Process, source: Dataset | str, journey_id: str = "j2", caller: Caller = ALL
) -> Provisioned:
    dataset_id = source if isinstance(source, str) else source.dataset_id
    return await process.services.restoring.start(dataset_id, journey_id, caller)


async def restore(
    process: Process, source: Dataset | str, journey_id: str = "j2", caller: Caller = ALL
) -> Dataset:
    begun = await begin(process, source, journey_id, caller)
    return (await process.services.provisioning.wait(begun, 30)).dataset


async def refused(process: Process, source: Dataset | str, **given: Any) -> NotRestorableError:
    """The refusal, which has changed nothing."""
    before = await process.events()
    with pytest.raises(NotRestorableError) as found:
        await begin(process, source, **given)
    assert await process.events() == before
    assert found.value.field == "dataset_id"
    return found.value


def folder(place: World, dataset: Dataset) -> Path:
    return place.folder / "archives" / "acme" / "sandbox" / dataset.dataset_type.value / dataset.dataset_id


def served(place: World) -> list[tuple[str, list[Any]]]:
    """What Glean serves, by datasource."""
    return [(name, each["documents"]) for name, each in place.glean.snapshot().items() if each["documents"]]


@pytest.mark.parametrize("dataset_type", DatasetType)
@pytest.mark.each_dialect
async def test_what_comes_back_is_what_was_served_byte_by_byte(
    place: World, dataset_type: DatasetType
) -> None:
    async with place.process() as process:
        await process.arrive()
        first = await process.provision(dataset_type=dataset_type)
        staged = (place.folder / "staging" / first.dataset_id / "1.jsonl").read_bytes()
        glean = served(place)
        await process.complete()
        gone = await process.tear_down(first)
        assert served(place) == []
        await journey(process, "j2")

        again = await restore(process, gone)

    assert again.dataset_id != gone.dataset_id
    assert (place.folder / "staging" / again.dataset_id / "1.jsonl").read_bytes() == staged
    assert served(place) == glean
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


async def test_a_restored_dataset_is_kept_for_seven_days_and_says_where_it_came_from(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        before = place.clock.now()
        again = await restore(process, gone)
        events = [
            event
            for _, event in await process.outside.store.read(lambda records: records.events(limit=1000))
            if event.dataset_id == again.dataset_id
        ]
        await process.complete("j2")
        with pytest.raises(DatasetProtectedError):
            await process.tear_down(again)
        place.clock.ahead += KEPT_FOR
        metadata = folder(place, await process.tear_down(again)) / "metadata.json"
    assert again.protected_until is not None
    assert before + KEPT_FOR < again.protected_until < place.clock.now()
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
async def test_what_was_restored_can_be_taken_down_and_restored_again(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        second = await restore(process, gone)
        await process.complete("j2")
        place.clock.ahead += KEPT_FOR
        second = await process.tear_down(second)
        await journey(process, "j3")
        third = await restore(process, second, "j3")
        assert third.content == second.content == gone.content
        assert third.restored_from == second.dataset_id
        await process.complete("j3")
        place.clock.ahead += KEPT_FOR
        await process.tear_down(third)
        await journey(process, "j4")
        fourth = await restore(process, gone, "j4")
    assert fourth.content == gone.content
    assert len({each.dataset_id for each in (gone, second, third, fourth)}) == 4


async def test_a_second_restore_attaches_or_conflicts(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
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


async def test_two_restores_at_once_make_one_dataset(place: World) -> None:
    async with place.process() as one, place.process() as other:
        gone = await archived(one)
        begun = [await begin(each, gone) for each in (one, other)]
        assert [each.created for each in begun] == [True, False]
        assert begun[0].dataset.dataset_id == begun[1].dataset.dataset_id
        await one.services.provisioning.wait(begun[0], 30)


async def test_a_dataset_made_while_the_archive_was_read_keeps_its_place(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        verify = process.outside.archives.verify
        begun: list[Provisioned] = []

        async def meanwhile(where: str) -> dict[str, Any]:
            process.outside.archives.verify = verify  # type: ignore[method-assign]
            begun.append(await begin(process, gone))
            return await verify(where)

        process.outside.archives.verify = meanwhile  # type: ignore[assignment,method-assign]
        late = await begin(process, gone)
        await process.services.provisioning.wait(late, 30)
    assert (begun[0].created, late.created) == (True, False)
    assert late.dataset.dataset_id == begun[0].dataset.dataset_id


async def test_a_live_dataset_is_in_the_way_of_its_own_archive(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        dataset = await process.provision()
        await journey(process, "j2")
        with pytest.raises(DatasetConflictError, match="is not archived"):
            await begin(process, dataset)


async def test_one_that_is_being_taken_down_is_to_be_waited_for(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        again = await restore(process, gone)
        going = again.evolve(status=DatasetStatus.TEARDOWN)
        await process.outside.store.transact(lambda records: records.put_dataset(going))
        with pytest.raises(TeardownInProgressError) as refusal:
            await begin(process, gone)
    assert refusal.value.retry_after_s == 5


# --- the journey ----------------------------------------------------------------------------------------------------


async def test_a_journey_past_the_stage_gets_it_back_at_its_own_stage(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        await journey(process, "past", Stage.PILOT)
        again = await restore(process, gone, "past")
    assert (again.status, again.stage, again.journey_id) == (DatasetStatus.READY, Stage.SANDBOX, "past")


async def test_a_journey_before_the_stage_gets_nothing(place: World) -> None:
    async with place.process() as process:
        gone = replace(await archived(process), stage=Stage.PILOT)
        await process.outside.store.transact(lambda records: records.put_dataset(gone))
        with pytest.raises(StageMismatchError) as refusal:
            await begin(process, gone)
    assert refusal.value.field == "journey_id"


@pytest.mark.parametrize("state", [each for each in JourneyState if each is not JourneyState.ACTIVE])
async def test_only_an_active_journey_gets_it(place: World, state: JourneyState) -> None:
    async with place.process() as process:
        gone = await archived(process)
        await journey(process, "other", state=state)
        with pytest.raises(JourneyNotActiveError):
            await begin(process, gone, "other")


async def test_a_journey_whose_lease_has_lapsed_gets_nothing(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        lapsed = place.clock.now() - timedelta(seconds=1)
        await journey(process, "other", lease_expires_at=lapsed)
        with pytest.raises(JourneyNotActiveError, match="expired"):
            await begin(process, gone, "other")


async def test_a_lease_that_lapses_while_the_archive_is_read_is_noticed(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        until = place.clock.now() + timedelta(hours=1)
        await journey(process, "other", lease_expires_at=until)
        verify = process.outside.archives.verify

        async def slow(where: str) -> dict[str, Any]:
            place.clock.ahead += timedelta(hours=2)
            return await verify(where)

        process.outside.archives.verify = slow  # type: ignore[assignment,method-assign]
        with pytest.raises(JourneyNotActiveError, match="expired"):
            await begin(process, gone, "other")


async def test_a_journey_of_another_client_is_unknown(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        await process.arrive("beta", "theirs")
        with pytest.raises(UnknownJourneyError):
            await begin(process, gone, "theirs")
        with pytest.raises(InvalidArgumentError):
            await begin(process, gone, "../j2")


@pytest.mark.each_dialect
async def test_a_journey_that_is_cancelled_meanwhile_has_it_taken_back(place: World) -> None:
    async with place.process(crash=None) as process:
        gone = await archived(process)
        place.glean.set_rate(1_000_000, minimum_seconds=0.3)
        begun = await begin(process, gone)
        await process.services.registry.set_state("j2", JourneyState.CANCELLED, ALL)
        with pytest.raises(ProvisionFailedError) as failure:
            await process.services.provisioning.wait(begun, 30)
        left = await process.look(begun.dataset.dataset_id)
    assert failure.value.facts["cause"] == "journey_not_active"
    assert (left.status, left.protected_until, left.content) == (DatasetStatus.FAILED, None, None)
    assert served(place) == []


# --- the archive ----------------------------------------------------------------------------------------------------


async def test_an_unknown_dataset_and_one_of_another_client_are_the_same(place: World) -> None:
    stranger = Caller(subject="agent:x", clients=frozenset({"beta"}))
    async with place.process() as process:
        gone = await archived(process)
        await process.arrive("beta", "theirs")
        with pytest.raises(UnknownDatasetError) as unknown:
            await begin(process, "nobody", "theirs", stranger)
        with pytest.raises(UnknownDatasetError) as hidden:
            await begin(process, gone, "theirs", stranger)
    assert hidden.value.as_dict() == unknown.value.as_dict() | {
        "message": f"There is no dataset {gone.dataset_id!r}."
    }


async def test_a_sample_is_not_enough(place: World) -> None:
    place.policy = replace(place.policy, full_data=False)
    async with place.process() as process:
        error = await refused(process, await archived(process))
    assert "only a sample" in error.message
    assert error.recovery is Recovery.CHOOSE_OTHER


async def test_a_failed_dataset_left_nothing(place: World) -> None:
    async with place.process() as process:
        await process.arrive()
        begun = await process.start(record_count=31)
        with pytest.raises(ProvisionFailedError):
            await process.services.provisioning.wait(begun, 30)
        gone = await process.tear_down(begun.dataset, TeardownReason.PROVISION_FAILED)
        assert "had failed" in (await refused(process, gone, journey_id="j1")).message


async def test_a_purged_archive_is_gone_also_while_it_is_being_purged(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        place.clock.ahead += timedelta(days=91)

        async def broken(_place: str) -> None:
            raise ArchiveFailedError("The disk is gone.")

        purge = process.outside.archives.purge
        process.outside.archives.purge = broken  # type: ignore[assignment,method-assign]
        await process.services.archives.purge(ALL, apply=True)
        assert "was purged at" in (await refused(process, gone)).message
        process.outside.archives.purge = purge  # type: ignore[method-assign]
        await process.services.archives.purge(ALL, apply=True)
        assert "was purged at" in (await refused(process, gone)).message


async def test_an_archive_is_not_purged_while_it_is_restored(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        again = await restore(process, gone)
        place.clock.ahead += timedelta(days=91)
        going = replace(again, run=Run(saga_id="provision:x:1", started_at=place.clock.now()))
        await process.outside.store.transact(lambda records: records.put_dataset(going))
        plan = await process.services.archives.purge(ALL, apply=True)
        assert (len(plan.due), plan.purged, plan.failed) == (1, (), ())
        await process.outside.store.transact(lambda records: records.put_dataset(again))
        plan = await process.services.archives.purge(ALL, apply=True)
    assert plan.purged == (gone.dataset_id,)


async def test_an_incomplete_archive_is_refused(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        await told(process, gone, incomplete=True)
        assert "documents were lost" in (await refused(process, gone)).message


async def test_an_archived_dataset_without_an_archive_is_refused(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        fresh = replace(gone, dataset_id="acme-sandbox-confluence-000000")
        await process.outside.store.transact(lambda records: records.put_dataset(fresh))
        assert "there is no archive of it" in (await refused(process, fresh)).message


@pytest.mark.parametrize("damage", ["no manifest", "no folder", "a bit", "cut", "metadata"])
async def test_a_damaged_archive_is_refused_and_a_person_is_told(place: World, damage: str) -> None:
    async with place.process() as process:
        gone = await archived(process)
        where = folder(place, gone)
        documents = where / "documents.jsonl.zst"
        match damage:
            case "no manifest":
                (where / "manifest.json").unlink()
            case "no folder":
                where.rename(place.folder / "elsewhere")
            case "a bit":
                data = bytearray(documents.read_bytes())
                data[len(data) // 2] ^= 1
                documents.write_bytes(data)
            case "cut":
                documents.write_bytes(documents.read_bytes()[:-1])
            case _:
                metadata = where / "metadata.json"
                metadata.write_bytes(metadata.read_bytes().replace(b"acme", b"emca"))
        error = await refused(process, gone)
    assert error.recovery is Recovery.NEEDS_HUMAN
    assert f"archives verify {gone.dataset_id}" in error.suggested_action


async def test_an_archive_of_other_documents_is_refused(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        assert gone.content is not None
        other = replace(gone, content=replace(gone.content, checksum="0" * 64))
        await process.outside.store.transact(lambda records: records.put_dataset(other))
        assert "of other documents" in (await refused(process, gone)).message


async def told(process: Process, dataset: Dataset, **changes: Any) -> None:
    """Change what the store keeps about an archive."""

    def change(records: Records) -> None:
        facts = records.archive(dataset.dataset_id)
        assert facts is not None
        records.put_archive(dataset.dataset_id, facts | changes)

    await process.outside.store.transact(change)


# --- admission ------------------------------------------------------------------------------------------------------


async def test_the_limits_hold_for_what_is_restored(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        for limits in (Limits(live_datasets_per_client=0), Limits(records_per_dataset=29)):
            restoring = Restoring(process.outside, process.services.sagas, limits)
            with pytest.raises(QuotaExceededError):
                await restoring.start(gone.dataset_id, "j2", ALL)


async def test_a_drain_refuses_it_and_lets_one_attach(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        drain = Draining(process.outside.store, place.clock)
        await drain.on(ALL)
        with pytest.raises(DrainingError):
            await begin(process, gone)
        await drain.off(ALL)
        await restore(process, gone)
        await drain.on(ALL)
        assert not (await begin(process, gone)).created


# --- failures -------------------------------------------------------------------------------------------------------


@pytest.mark.each_dialect
async def test_a_restore_that_failed_says_so_each_time_and_a_retry_restores_again(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        place.glean.faults.add(Fault(kind="status", operation=place.operation("health.get"), status=403))
        with pytest.raises(ProvisionFailedError) as failure:
            await restore(process, gone)
        with pytest.raises(ProvisionFailedError) as again:
            await restore(process, gone)
        assert again.value.as_dict() == failure.value.as_dict()
        assert failure.value.facts["cause"] == "platform_denied"
        failed = await process.look(failure.value.facts["dataset_id"])
        assert failed.protected_until is None
        made = await process.provision(journey_id="j2", retry=True)
    assert (made.status, made.attempt, made.restored_from) == (DatasetStatus.READY, 2, gone.dataset_id)
    assert gone.content is not None
    assert made.content == replace(gone.content, attempt=2)


async def test_an_archive_that_changes_behind_the_verification_restores_nothing(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)

        async def uncertain(where: str) -> dict[str, Any]:
            manifest = await verify(where)
            assert gone.content is not None
            other = replace(gone, content=replace(gone.content, size_bytes=1))
            await process.outside.store.transact(lambda records: records.put_dataset(other))
            return manifest

        verify = process.outside.archives.verify
        process.outside.archives.verify = uncertain  # type: ignore[assignment,method-assign]
        with pytest.raises(ProvisionFailedError, match="not the 30 that it was made of") as failure:
            await restore(process, gone)
    assert (failure.value.facts["step"], failure.value.facts["cause"]) == ("populate", "archive_failed")
    assert [each for each in place.staged() if not each.startswith(".")] == []
    assert served(place) == []


async def test_an_archive_that_was_purged_before_the_retry_fails_it(place: World) -> None:
    async with place.process() as process:
        gone = await archived(process)
        place.glean.faults.add(Fault(kind="status", operation=place.operation("health.get"), status=403))
        with pytest.raises(ProvisionFailedError):
            await restore(process, gone)
        place.clock.ahead += timedelta(days=91)
        assert (await process.services.archives.purge(ALL, apply=True)).purged == (gone.dataset_id,)
        with pytest.raises(ProvisionFailedError) as failure:
            await process.provision(journey_id="j2", retry=True)
    assert failure.value.facts["cause"] == "not_restorable"
    assert failure.value.recovery is Recovery.CHOOSE_OTHER
