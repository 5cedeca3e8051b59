"""A dataset is made, once, whole, and by whom it may be."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain.errors import (
    DatasetConflictError,
    InvalidArgumentError,
    JourneyNotActiveError,
    ProvisionFailedError,
    QuotaExceededError,
    StageMismatchError,
    TeardownInProgressError,
    UnknownClientError,
    UnknownJourneyError,
    UnknownTemplateError,
)
from domain.model.enums import (
    ConnectorStatus,
    DatasetStatus,
    DatasetType,
    DataSource,
    JourneyState,
    Stage,
    TeardownReason,
    TemplateMatch,
)
from domain.model.principal import Principal
from domain.policy.provision import ProvisionLimits
from domain.ports import DatasetQuery
from server.composition.use_cases import build_services
from tests.support.content.template_repository import TEMPLATE_FOLDER, confluence_page, write_template
from tests.support.inline_engine import CrashAt
from tests.support.sandbox.faults import Fault
from tests.support.world import OPERATOR, provision_request

if TYPE_CHECKING:
    from tests.support.world import World

PAGES = DatasetType.CONFLUENCE_PAGES


@pytest.mark.parametrize("dataset_type", DatasetType)
@pytest.mark.each_dialect
async def test_every_type_becomes_ready_with_everything_indexed(
    world: World, dataset_type: DatasetType
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision(dataset_type=dataset_type)
    assert dataset.status is DatasetStatus.READY
    assert dataset.run is None
    assert dataset.record_count == 30
    assert dataset.quality is not None
    assert dataset.quality.score == 100
    assert dataset.template.match is TemplateMatch.EXACT
    assert len(world.served_document_ids(dataset.name)) == 30
    assert world.staged_files() == [f"{dataset.dataset_id}/1.jsonl"]


async def test_the_connector_is_made_authorised_scheduled_and_marked_as_ours(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey("ACME")
        dataset = await process.provision(client_id="ACME")
        connector = await process.deps.store.read(lambda uow: uow.connectors.get(dataset.connector_id or ""))
        installation = await process.deps.store.read(lambda uow: uow.installation)
    [found] = world.glean.datasources()
    assert found["name"] == dataset.name == "ACME-Sandbox-Confluence"
    assert found["config"]["managedBy"] == {"installation": installation, "datasetId": dataset.dataset_id}
    assert found["config"]["spaceKeys"] == ["OPS", "ENG"]
    assert found["config"]["syncSettings"] == {
        "fullSyncSchedule": "0 2 * * *",
        "incrementalSyncSchedule": "0 */4 * * *",
    }
    assert connector is not None
    assert connector.status is ConnectorStatus.HEALTHY
    assert [entry.operation for entry in world.glean.ledger()] == [
        "datasources.create",
        "auth.set",
        "documents.upload",
        "sync.start",
    ]


@pytest.mark.each_dialect
async def test_the_story_is_told_by_events_in_order(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.provision()
        assert await process.load_event_kinds() == [
            "dataset:provisioning_started",
            "dataset:quality_evaluated",
            "dataset:provisioned",
        ]


@pytest.mark.each_dialect
async def test_the_same_call_again_attaches_and_changes_nothing(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        first = await process.provision()
        again = await process.start_provision(
            template_id=f"{TEMPLATE_FOLDER}/confluence_pages", record_count=30
        )
        assert (again.created, again.dataset) == (False, first)


async def test_ten_callers_at_once_make_one_dataset(world: World) -> None:
    made: list[str] = []
    async with world.open_process() as process:
        await process.add_client_and_journey()

        async def call() -> None:
            made.append((await process.provision()).dataset_id)

        async with anyio.create_task_group() as callers:
            for _ in range(10):
                callers.start_soon(call)
    assert len(made) == 10
    assert len(set(made)) == 1
    assert sum(entry.operation == "datasources.create" for entry in world.glean.ledger()) == 1


async def test_a_caller_that_goes_away_leaves_the_saga_alone(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with anyio.CancelScope() as scope:
            begun = await process.start_provision()
            scope.cancel()
            await process.services.provisioning.wait(begun, 30)
        assert (await process.provision()).status is DatasetStatus.READY


@pytest.mark.each_dialect
async def test_the_wait_is_bounded_and_tells_how_far_it_is(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_hangs"))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        heard: list[str] = []

        async def listen(progress: object) -> None:
            heard.append(str(progress))

        await process.wait_for_step(begun.dataset.dataset_id, "index")
        still = await process.services.provisioning.wait(begun, 0.01, listen)
        assert still.dataset.status is DatasetStatus.PROVISIONING
        assert still.dataset.run is not None
        assert still.progress is not None
        assert still.progress.step == "index"
        assert heard


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "nobody"}, UnknownClientError),
        ({"client_id": "ACME"}, UnknownClientError),
        ({"client_id": "../x"}, InvalidArgumentError),
        ({"journey_id": ""}, InvalidArgumentError),
        ({"journey_id": "j9"}, UnknownJourneyError),
        ({"journey_id": "theirs"}, UnknownJourneyError),
        ({"stage": Stage.PILOT}, StageMismatchError),
        ({"record_count": 0}, InvalidArgumentError),
        ({"template_id": "fintech/none"}, UnknownTemplateError),
        ({"template_id": f"{TEMPLATE_FOLDER}/jira_issues"}, InvalidArgumentError),
        ({"data_source": DataSource.GENERATED}, InvalidArgumentError),
        ({"data_source": DataSource.SANITIZED_PRODUCTION}, InvalidArgumentError),
    ],
)
async def test_a_wrong_request_is_refused_and_nothing_is_made(
    world: World, changes: dict[str, Any], error: type[Exception]
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.add_client_and_journey("globex", "theirs")
        with pytest.raises(error):
            await process.start_provision(**changes)
        assert await process.load_event_kinds() == []
    assert world.glean.ledger() == []
    assert world.staged_files() == []


async def test_a_client_that_the_caller_may_not_touch_is_as_unknown_as_none(world: World) -> None:
    stranger = Principal(subject="agent:x", clients=frozenset({"globex"}))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.add_client_and_journey("globex", "theirs")
        with pytest.raises(UnknownClientError) as refusal:
            await process.start_provision(stranger)
    assert refusal.value.candidates == ()


@pytest.mark.parametrize("state", [JourneyState.PAUSED, JourneyState.COMPLETED, JourneyState.CANCELLED])
async def test_a_journey_that_is_not_active_gets_nothing_new_but_sees_what_it_has(
    world: World, state: JourneyState
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        made = await process.provision()
        await process.services.registry.set_state("j1", state, OPERATOR)
        ready = await process.load_dataset(made.dataset_id)
        assert (await process.start_provision()).dataset == ready
        with pytest.raises(JourneyNotActiveError):
            await process.start_provision(dataset_type=DatasetType.JIRA_ISSUES)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"template_id": "default/default/confluence_pages"}, "template_id"),
        ({"record_count": 7}, "record_count"),
    ],
)
async def test_a_live_dataset_that_differs_is_a_conflict(
    world: World, changes: dict[str, Any], field: str
) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.provision()
        templates = world.repository / "mock_data" / "templates"
        shutil.copytree(templates / "fintech" / "developer_productivity", templates / "default" / "default")
        with pytest.raises(DatasetConflictError) as refusal:
            await process.start_provision(**changes)
    assert refusal.value.field == field
    assert refusal.value.suggested_action.startswith(
        f'To use the live dataset as it is, leave out "{field}".'
    )


async def test_an_unknown_template_beside_a_live_dataset_is_told_as_unknown(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.provision()
        with pytest.raises(UnknownTemplateError) as refusal:
            await process.start_provision(template_id="fintech/developer-productivity/confluence")
    assert refusal.value.candidates[0] == "fintech/developer_productivity/confluence_pages"


async def test_another_journeys_live_dataset_is_a_conflict_that_names_it(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        await process.provision()
        await process.add_client_and_journey(journey_id="j2")
        with pytest.raises(DatasetConflictError) as refusal:
            await process.start_provision(journey_id="j2")
    assert refusal.value.candidates == ("j1",)


async def test_nothing_attaches_while_the_dataset_is_taken_down(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
    async with world.open_process(crash=CrashAt("disconnect", "before")) as process:
        begun = await process.services.teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, OPERATOR
        )
        await process.services.sagas.wait(begun.dataset.dataset_id, 0.05)
        with pytest.raises(TeardownInProgressError):
            await process.start_provision()


async def test_too_many_live_datasets_are_refused_in_the_admission_itself(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        limited = build_services(
            process.deps,
            process.engine,
            limits=ProvisionLimits(live_datasets_per_client=1),
        )
        await limited.provisioning.start_or_attach(provision_request(), OPERATOR)
        with pytest.raises(QuotaExceededError):
            await limited.provisioning.start_or_attach(
                provision_request(dataset_type=DatasetType.JIRA_ISSUES), OPERATOR
            )


async def test_a_template_that_holds_more_than_a_dataset_may_have_fails_and_leaves_nothing_behind(
    world: World,
) -> None:
    world.policy = replace(world.policy, records_per_dataset=29)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError) as failed:
            await process.provision()
        assert (failed.value.facts["cause"], failed.value.facts["step"]) == ("quota_exceeded", "populate")
        assert "Ask for 29 records or fewer" in str(failed.value.suggested_action)
        assert (failed.value.facts["to_undo"], world.staged_files()) == ([], [])
        assert world.served_document_ids("ACME-Sandbox-Confluence") == []
    world.policy = replace(world.policy, records_per_dataset=30)
    async with world.open_process() as process:
        assert (await process.provision(retry=True)).record_count == 30


async def test_fewer_records_are_taken_when_fewer_are_asked_for(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        assert (await process.provision(record_count=7)).record_count == 7
    assert len(world.served_document_ids("ACME-Sandbox-Confluence")) == 7


async def test_more_records_than_there_are_fail_naming_how_many_there_are(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError, match="30") as failure:
            await process.provision(record_count=31)
    assert failure.value.facts["step"] == "populate"
    assert failure.value.facts["cause"] == "template_invalid"
    assert world.staged_files() == []
    assert world.glean.ledger() == []


def _declare(world: World, count: int, *, records: int = 30) -> None:
    path = write_template(world.repository, PAGES, [confluence_page(number) for number in range(records)])
    path.write_text(json.dumps({**json.loads(path.read_text()), "default_record_count": count}))


async def test_more_records_than_a_template_has_are_refused_before_anything_is_made(world: World) -> None:
    _declare(world, 20)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(InvalidArgumentError) as refusal:
            await process.start_provision(record_count=31)
        assert refusal.value.as_dict() == {
            "code": "invalid_argument",
            "message": f"The template {TEMPLATE_FOLDER}/confluence_pages has 30 records; the call asked for 31.",
            "recovery": "fix_input",
            "field": "record_count",
            "available": 30,
            "suggested_action": 'Ask for 30 records or fewer, or leave out "record_count".',
        }
        assert await process.services.datasets.list(DatasetQuery(), OPERATOR) == []
        # It has more than it declares, and they may be asked for.
        assert (await process.provision(record_count=25)).record_count == 25


async def test_a_retry_of_a_failed_dataset_may_change_its_count_and_template(world: World) -> None:
    other = world.repository / "mock_data" / "templates" / "default" / "default"
    other.mkdir(parents=True)
    (other / "confluence_pages.json").write_text(
        json.dumps(
            {"records": [confluence_page(number) for number in range(40, 50)], "default_record_count": 10}
        )
    )
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError) as first:
            await process.provision(record_count=31)
        assert first.value.field == "record_count"
        assert first.value.suggested_action == (
            'Ask for 30 records or fewer. Then call again with "retry": true: without it, this failure is '
            "answered again."
        )
        with pytest.raises(DatasetConflictError) as differs:
            await process.start_provision(record_count=5)
        assert differs.value.suggested_action == (
            'It is failed: to run it again with "record_count" as given, make the same call with "retry": true.'
        )
        with pytest.raises(ProvisionFailedError, match="asked for 35"):
            await process.provision(record_count=35, retry=True)
        with pytest.raises(InvalidArgumentError, match="has 10 records"):
            await process.provision(
                template_id="default/default/confluence_pages", record_count=11, retry=True
            )
        with pytest.raises(UnknownTemplateError):
            await process.provision(template_id="default/default/confluence", retry=True)
        made = await process.provision(template_id="default/default/confluence_pages", retry=True)

        assert (made.status, made.attempt, made.record_count) == (DatasetStatus.READY, 3, 10)
        assert made.template.template_id == "default/default/confluence_pages"


async def test_a_retry_with_too_many_records_for_a_dataset_is_refused(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError):
            await process.provision(record_count=31)
        limited = build_services(process.deps, process.engine, limits=ProvisionLimits(records_per_dataset=40))
        with pytest.raises(QuotaExceededError):
            await limited.provisioning.start_or_attach(
                provision_request(record_count=41, retry=True), OPERATOR
            )
        assert (await process.provision(record_count=7, retry=True)).record_count == 7


def write_declaring_template(world: World, declared: int) -> None:
    """Thirty records, and the number that the template declares."""
    path = write_template(world.repository, PAGES, [confluence_page(number) for number in range(30)])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"default_record_count": declared}))


async def test_a_template_that_declares_too_many_records_is_refused_before_anything_is_made(
    world: World,
) -> None:
    write_declaring_template(world, 41)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        limited = build_services(process.deps, process.engine, limits=ProvisionLimits(records_per_dataset=40))
        with pytest.raises(QuotaExceededError):
            await limited.provisioning.start_or_attach(provision_request(), OPERATOR)
        assert await process.services.datasets.list(DatasetQuery(), OPERATOR) == []


async def test_a_call_that_names_the_declared_count_attaches_to_one_that_names_none(world: World) -> None:
    write_declaring_template(world, 31)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        attached = await process.start_provision(record_count=31)
        assert (begun.created, attached.created) == (True, False)
        made = await process.provision()

    assert made.content is not None
    volume = made.content.report.checks[-1]
    assert (made.record_count, volume.check, volume.of, volume.failed) == (30, "volume", 31, 1)


async def test_a_retry_changes_nothing_of_a_dataset_that_is_served(world: World) -> None:
    pages = [confluence_page(number) | {"last_modified": "yesterday"} for number in range(30)]
    write_template(world.repository, PAGES, pages)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        served = await process.provision()
        assert served.status is DatasetStatus.VALIDATING
        with pytest.raises(DatasetConflictError) as refusal:
            await process.provision(record_count=5, retry=True)
        assert refusal.value.field == "record_count"
        assert await process.load_dataset(served.dataset_id) == served


@pytest.mark.each_dialect
async def test_a_failed_dataset_answers_its_failure_until_it_is_retried(world: World) -> None:
    path = write_template(world.repository, PAGES, [])
    good = [confluence_page(number) for number in range(5)]
    path.write_text('{"records": [{"page_id": "P1", ')
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError) as first:
            await process.provision()
        write_template(world.repository, PAGES, good)
        with pytest.raises(ProvisionFailedError) as again:
            await process.provision()
        assert again.value.as_dict() == first.value.as_dict()
        dataset = await process.provision(retry=True)
    assert (dataset.status, dataset.attempt, dataset.record_count) == (DatasetStatus.READY, 2, 5)
    assert world.staged_files() == [f"{dataset.dataset_id}/2.jsonl"]


@pytest.mark.each_dialect
async def test_a_ready_dataset_is_never_made_again(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        ready = await process.provision()
        assert await process.provision(retry=True) == ready


async def test_poor_records_leave_it_validating_with_every_issue_listed(world: World) -> None:
    poor = [replace_email(number) for number in range(20)]
    write_template(world.repository, PAGES, poor)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        assert "dataset:provisioned" not in await process.load_event_kinds()
    assert dataset.status is DatasetStatus.VALIDATING
    assert dataset.quality is not None
    assert dataset.quality.score < 95
    assert any(check.failed and check.examples for check in dataset.quality.checks)


def replace_email(number: int) -> dict[str, object]:
    return {**confluence_page(number), "author_email": "nobody@", "last_modified": "yesterday"}


async def test_a_sync_that_loses_documents_leaves_it_validating_with_the_shortfall(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_loses", documents=3))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        assert dataset.status is DatasetStatus.VALIDATING
        assert dataset.quality is not None
        [gate] = dataset.quality.gates
        assert (gate.check, gate.failed, gate.of) == ("indexed", 3, 30)
        again = await process.provision(retry=True)
    assert (again.status, again.attempt) == (DatasetStatus.READY, 2)
    assert len(world.served_document_ids(dataset.name)) == 30


@pytest.mark.parametrize("state", [JourneyState.COMPLETED, JourneyState.CANCELLED])
@pytest.mark.each_dialect
async def test_a_journey_that_ends_meanwhile_has_everything_taken_back(
    world: World, state: JourneyState
) -> None:
    async with world.open_process(crash=CrashAt("index", "inside")) as process:
        await process.add_client_and_journey()
        await process.start_provision()
        await process.wait_for_crash()
    async with world.open_process() as process:
        await process.services.registry.set_state("j1", state, OPERATOR)
        with pytest.raises(ProvisionFailedError) as failure:
            await process.provision()
    assert failure.value.facts["cause"] == "journey_not_active"
    assert (world.staged_files(), world.active_datasources()) == ([], [])


@pytest.mark.each_dialect
async def test_a_journey_that_pauses_or_expires_meanwhile_lets_it_finish(world: World) -> None:
    async with world.open_process(crash=CrashAt("push", "after")) as process:
        await process.add_client_and_journey()
        await process.start_provision()
        await process.wait_for_crash()
    async with world.open_process() as process:
        await process.services.registry.set_state("j1", JourneyState.PAUSED, OPERATOR)
        assert (await process.provision()).status is DatasetStatus.READY


@pytest.mark.each_dialect
async def test_a_running_provision_that_is_cancelled_undoes_itself(world: World) -> None:
    world.glean.faults.add(Fault(kind="sync_hangs"))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.wait_for_step(begun.dataset.dataset_id, "index")
        await process.services.sagas.cancel(begun.dataset.dataset_id, OPERATOR)
        with pytest.raises(ProvisionFailedError) as failure:
            await process.services.provisioning.wait(begun, 30)
    assert failure.value.facts["cause"] == "cancelled"
    assert (world.staged_files(), world.active_datasources()) == ([], [])


@pytest.mark.each_dialect
async def test_a_sync_that_hangs_past_its_deadline_fails_and_is_undone(world: World) -> None:
    # Long enough for the undoing, which waits no longer for an emptying: a busy machine needs some tenths of a second.
    world.policy = replace(world.policy, sync_deadline=timedelta(seconds=1))
    world.glean.faults.add(Fault(kind="sync_hangs"))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        with pytest.raises(ProvisionFailedError) as failure:
            await process.provision()
    assert (failure.value.facts["step"], failure.value.facts["cause"]) == ("index", "platform_unavailable")
    assert (world.staged_files(), world.active_datasources()) == ([], [])
