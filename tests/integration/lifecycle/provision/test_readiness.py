"""Golden questions are asked when a dataset is validated, and their answers change nothing but the report."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain.content.quality import is_fit_for_use
from domain.lifecycle.archives.archive import archive_quality_reports
from domain.model.content import Readiness
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage
from domain.model.journey import Journey
from server.adapters.glean.admin.platform import AdminPlatform
from server.adapters.glean.indexing.platform import IndexingPlatform
from tests.support.content.template_repository import TEMPLATE_FOLDER, confluence_page, write_template
from tests.support.glean.searching_client import SearchingIndexingPlatform
from tests.support.inline_engine import CrashAt
from tests.support.sandbox.faults import Fault
from tests.support.webhooks.event_schemas import load_events
from tests.support.world import OPERATOR

if TYPE_CHECKING:
    from pathlib import Path

    from domain.model.dataset import Dataset
    from tests.support.world import World

    Dialect = type[AdminPlatform | IndexingPlatform]

PAGES = DatasetType.CONFLUENCE_PAGES
FIRST = "What did the albatross eat before the outage of the ledger?"
SECOND = "Which pelican moved the payroll to another lane?"
THIRD = "Why is the flamingo pink?"
BOTH = pytest.mark.parametrize("speaks", [AdminPlatform, SearchingIndexingPlatform])


def write_questions(place: World, *questions: tuple[str, list[str]]) -> Path:
    """Put questions about pages beside the templates."""
    path = place.repository / "mock_data" / "templates" / TEMPLATE_FOLDER / "questions.json"
    listed = [{"question": text, "documents": {PAGES.value: ids}} for text, ids in questions]
    path.write_text(json.dumps({"questions": listed}))
    return path


def rewrite_page(place: World, number: int, text: str, **changes: Any) -> None:
    """Have page `number` of thirty say something of its own."""
    pages = [confluence_page(each) for each in range(30)]
    pages[number] |= {"body": f"<p>{text}</p>", **changes}
    write_template(place.repository, PAGES, pages)


def readiness_of(dataset: Dataset) -> Readiness | None:
    assert dataset.quality is not None
    return dataset.quality.readiness


@pytest.fixture
def question_world(world: World) -> World:
    """Thirty pages, of which one answers the first question, and none the second."""
    rewrite_page(world, 12, "An albatross was seen; it ate the herring before the ledger's outage.")
    write_questions(world, (FIRST, ["P12"]), (SECOND, ["P3"]))
    return world


@BOTH
async def test_what_is_answered_stands_in_the_report_and_the_event_and_changes_no_status(
    question_world: World, speaks: Dialect
) -> None:
    question_world.dialect = speaks
    async with question_world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        assert readiness_of(dataset) == Readiness(asked=2, answered=1, unanswered=(SECOND,))
        assert dataset.status is DatasetStatus.READY
        evaluated = [
            each.data
            for each in await load_events(process.deps.store)
            if each.kind == "dataset:quality_evaluated"
        ]
        assert [each["readiness"] for each in evaluated] == [{"asked": 2, "answered": 1, "share": 0.5}]
        assert archive_quality_reports(dataset)[1]["readiness"] == {
            "asked": 2,
            "answered": 1,
            "share": 0.5,
            "unanswered": [SECOND],
        }
        assert "readiness" not in archive_quality_reports(dataset)[0]
        without = await process.provision(dataset_type=DatasetType.JIRA_ISSUES)
        assert readiness_of(without) is None


@BOTH
async def test_a_document_that_is_not_in_the_dataset_answers_nothing(
    question_world: World, speaks: Dialect
) -> None:
    question_world.dialect = speaks
    async with question_world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision(record_count=10)
        assert readiness_of(dataset) == Readiness(asked=2, answered=0, unanswered=(FIRST, SECOND))
        assert dataset.status is DatasetStatus.READY


async def test_other_datasources_answer_for_nobody_else(question_world: World) -> None:
    async with question_world.open_process() as process:
        await process.add_client_and_journey()
        await process.provision()
        await process.add_client_and_journey("zenith", "j2")
        rewrite_page(question_world, 12, "Nothing of note.")
        other = await process.provision(client_id="zenith", journey_id="j2")
        assert readiness_of(other) == Readiness(asked=2, answered=0, unanswered=(FIRST, SECOND))


async def test_without_a_search_nothing_is_said_of_readiness(question_world: World) -> None:
    question_world.dialect = IndexingPlatform
    async with question_world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        assert (readiness_of(dataset), dataset.status) == (None, DatasetStatus.READY)
        assert "readiness" not in archive_quality_reports(dataset)[-1]


@BOTH
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(kind="status", operation="search", status=503, times=None), "it answered 503"),
        (Fault(kind="status", operation="search", status=429, times=None), "it answered 429"),
        (Fault(kind="status", operation="search", status=403, times=None), "it answered 403"),
    ],
)
async def test_a_search_that_fails_fails_nothing_and_a_recheck_asks_again(
    question_world: World, speaks: Dialect, fault: Fault, reason: str
) -> None:
    question_world.dialect = speaks
    async with question_world.open_process() as process:
        await process.add_client_and_journey()
        question_world.glean.faults.add(fault)
        dataset = await process.provision()
        found = readiness_of(dataset)
        assert found is not None
        assert dataset.status is DatasetStatus.READY
        assert (found.asked, found.answered, found.share) == (2, None, None)
        assert reason in str(found.unknown)
        question_world.glean.faults.clear()
        again = await process.services.datasets.recheck(dataset.dataset_id, OPERATOR)
        assert readiness_of(again) == Readiness(asked=2, answered=1, unanswered=(SECOND,))
        assert again.generation == dataset.generation


@BOTH
async def test_a_search_that_hangs_is_given_up_in_time(question_world: World, speaks: Dialect) -> None:
    question_world.dialect = speaks
    question_world.policy = replace(question_world.policy, questions_deadline=timedelta(seconds=0.05))
    question_world.timeout_s = 30
    async with question_world.open_process() as process:
        await process.add_client_and_journey()
        question_world.glean.faults.add(Fault(kind="timeout", operation="search", times=None))
        with anyio.fail_after(20):
            dataset = await process.provision()
        assert readiness_of(dataset) == Readiness(
            asked=2, unknown="Glean answered 0 of 2 searches within 0.05 seconds."
        )
        assert dataset.status is DatasetStatus.READY


async def test_a_recheck_asks_the_questions_that_the_template_has_by_then(question_world: World) -> None:
    async with question_world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        path = write_questions(question_world, (FIRST, ["P12"]))
        again = await process.services.datasets.recheck(dataset.dataset_id, OPERATOR)
        assert readiness_of(again) == Readiness(asked=1, answered=1)
        path.write_text("{")
        unread = readiness_of(await process.services.datasets.recheck(dataset.dataset_id, OPERATOR))
        assert unread is not None
        assert (
            unread.unknown
            == f"The questions of the template '{TEMPLATE_FOLDER}/confluence_pages' cannot be read."
        )
        path.unlink()
        assert readiness_of(await process.services.datasets.recheck(dataset.dataset_id, OPERATOR)) is None


@BOTH
async def test_a_document_that_is_removed_lowers_the_figure(question_world: World, speaks: Dialect) -> None:
    question_world.dialect = speaks
    async with question_world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        assert dataset.quality is not None
        rewrite_page(question_world, 12, "Nothing of note.", page_id="P77")
        await process.complete_journey()
        await process.tear_down(dataset)
        await process.add_client_and_journey("acme2", "j1")
        without = await process.provision(client_id="acme2")
        assert readiness_of(without) == Readiness(asked=2, answered=0, unanswered=(FIRST, SECOND))
        assert without.quality is not None
        assert without.quality.score == dataset.quality.score
        assert is_fit_for_use(without.quality)


async def test_questions_that_cannot_be_read_keep_no_dataset_from_being_made(question_world: World) -> None:
    write_questions(question_world).write_text('{"questions": [{"question": "", "documents": {}}]}')
    async with question_world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        assert dataset.status is DatasetStatus.READY
        assert dataset.content is not None
        assert "question 1: question must be a text with a word in it" in dataset.content.warnings[0]
        found = readiness_of(dataset)
        assert found is not None
        assert found.share is None


async def test_a_restored_dataset_is_asked_as_the_one_that_was_archived(question_world: World) -> None:
    async with question_world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
        gone = await process.tear_down(dataset)
        kept = json.loads(
            b"".join(
                [
                    part
                    async for part in process.deps.archives.read(
                        f"acme/sandbox/confluence_pages/{gone.dataset_id}", "quality_reports.json"
                    )
                ]
            )
        )
        assert kept[1]["readiness"]["unanswered"] == [SECOND]
        await process.services.registry.add_journey(
            Journey(journey_id="j2", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE),
            OPERATOR,
        )
        begun = await process.services.restores.start_or_attach(gone.dataset_id, "j2", OPERATOR)
        back = (await process.services.provisioning.wait(begun, 30)).dataset
        assert back.restored_from == gone.dataset_id
        assert readiness_of(back) == readiness_of(dataset)


async def test_a_process_that_dies_after_it_was_said_does_not_say_it_twice(question_world: World) -> None:
    async with question_world.open_process(crash=CrashAt("validate", "inside")) as process:
        await process.add_client_and_journey()
        begun = await process.start_provision()
        await process.engine.wait(list(question_world.journal)[-1], 30)
        assert process.engine.dead
    write_questions(question_world, (THIRD, ["P1"]))
    async with question_world.open_process() as process:
        await process.services.sagas.resume(respect_backoff=False)
        await process.services.sagas.wait(begun.dataset.dataset_id, 30)
        dataset = await process.load_dataset(begun.dataset.dataset_id)
        assert readiness_of(dataset) == Readiness(asked=2, answered=1, unanswered=(SECOND,))
        assert dataset.status is DatasetStatus.READY
        told = [
            each for each in await load_events(process.deps.store) if each.kind == "dataset:quality_evaluated"
        ]
        assert len(told) == 1
