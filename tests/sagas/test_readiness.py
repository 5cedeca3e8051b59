"""Golden questions are asked when a dataset is validated, and their answers change nothing but the report."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain import quality
from domain.archives import reports
from domain.model import Journey, Readiness
from domain.vocabulary import DatasetStatus, DatasetType, JourneyState, Stage
from server.adapters.engine.inline import CrashAt
from server.adapters.glean.admin import AdminGlean
from server.adapters.glean.indexing import IndexingGlean
from server.sandbox.faults import Fault
from tests.repository import PLACE, confluence_page, write_template
from tests.searched import Searched
from tests.told import events_of
from tests.world import ALL

if TYPE_CHECKING:
    from pathlib import Path

    from domain.model import Dataset
    from tests.world import World

    Dialect = type[AdminGlean | IndexingGlean]

PAGES = DatasetType.CONFLUENCE_PAGES
FIRST = "What did the albatross eat before the outage of the ledger?"
SECOND = "Which pelican moved the payroll to another lane?"
THIRD = "Why is the flamingo pink?"
BOTH = pytest.mark.parametrize("speaks", [AdminGlean, Searched])


def ask(place: World, *questions: tuple[str, list[str]]) -> Path:
    """Put questions about pages beside the templates."""
    path = place.repository / "mock_data" / "templates" / PLACE / "questions.json"
    listed = [{"question": text, "documents": {PAGES.value: ids}} for text, ids in questions]
    path.write_text(json.dumps({"questions": listed}))
    return path


def tell(place: World, number: int, text: str, **changes: Any) -> None:
    """Have page `number` of thirty say something of its own."""
    pages = [confluence_page(each) for each in range(30)]
    pages[number] |= {"body": f"<p>{text}</p>", **changes}
    write_template(place.repository, PAGES, pages)


def of(dataset: Dataset) -> Readiness | None:
    assert dataset.quality is not None
    return dataset.quality.readiness


@pytest.fixture
def story(place: World) -> World:
    """Thirty pages, of which one answers the first question, and none the second."""
    tell(place, 12, "An albatross was seen; it ate the herring before the ledger's outage.")
    ask(place, (FIRST, ["P12"]), (SECOND, ["P3"]))
    return place


@BOTH
async def test_what_is_answered_stands_in_the_report_and_the_event_and_changes_no_status(
    story: World, speaks: Dialect
) -> None:
    story.dialect = speaks
    async with story.process() as process:
        await process.arrive()
        dataset = await process.provision()
        assert of(dataset) == Readiness(asked=2, answered=1, unanswered=(SECOND,))
        assert dataset.status is DatasetStatus.READY
        evaluated = [
            each.data
            for each in await events_of(process.outside.store)
            if each.kind == "dataset:quality_evaluated"
        ]
        assert [each["readiness"] for each in evaluated] == [{"asked": 2, "answered": 1, "share": 0.5}]
        assert reports(dataset)[1]["readiness"] == {
            "asked": 2,
            "answered": 1,
            "share": 0.5,
            "unanswered": [SECOND],
        }
        assert "readiness" not in reports(dataset)[0]
        without = await process.provision(dataset_type=DatasetType.JIRA_ISSUES)
        assert of(without) is None


@BOTH
async def test_a_document_that_is_not_in_the_dataset_answers_nothing(story: World, speaks: Dialect) -> None:
    story.dialect = speaks
    async with story.process() as process:
        await process.arrive()
        dataset = await process.provision(record_count=10)
        assert of(dataset) == Readiness(asked=2, answered=0, unanswered=(FIRST, SECOND))
        assert dataset.status is DatasetStatus.READY


async def test_other_datasources_answer_for_nobody_else(story: World) -> None:
    async with story.process() as process:
        await process.arrive()
        await process.provision()
        await process.arrive("zenith", "j2")
        tell(story, 12, "Nothing of note.")
        other = await process.provision(client_id="zenith", journey_id="j2")
        assert of(other) == Readiness(asked=2, answered=0, unanswered=(FIRST, SECOND))


async def test_without_a_search_nothing_is_said_of_readiness(story: World) -> None:
    story.dialect = IndexingGlean
    async with story.process() as process:
        await process.arrive()
        dataset = await process.provision()
        assert (of(dataset), dataset.status) == (None, DatasetStatus.READY)
        assert "readiness" not in reports(dataset)[-1]


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
    story: World, speaks: Dialect, fault: Fault, reason: str
) -> None:
    story.dialect = speaks
    async with story.process() as process:
        await process.arrive()
        story.glean.faults.add(fault)
        dataset = await process.provision()
        found = of(dataset)
        assert found is not None
        assert dataset.status is DatasetStatus.READY
        assert (found.asked, found.answered, found.share) == (2, None, None)
        assert reason in str(found.unknown)
        story.glean.faults.clear()
        again = await process.services.datasets.recheck(dataset.dataset_id, ALL)
        assert of(again) == Readiness(asked=2, answered=1, unanswered=(SECOND,))
        assert again.generation == dataset.generation


@BOTH
async def test_a_search_that_hangs_is_given_up_in_time(story: World, speaks: Dialect) -> None:
    story.dialect = speaks
    story.policy = replace(story.policy, questions_deadline=timedelta(seconds=0.05))
    story.timeout_s = 30
    async with story.process() as process:
        await process.arrive()
        story.glean.faults.add(Fault(kind="timeout", operation="search", times=None))
        with anyio.fail_after(20):
            dataset = await process.provision()
        assert of(dataset) == Readiness(
            asked=2, unknown="Glean answered 0 of 2 searches within 0.05 seconds."
        )
        assert dataset.status is DatasetStatus.READY


async def test_a_recheck_asks_the_questions_that_the_template_has_by_then(story: World) -> None:
    async with story.process() as process:
        await process.arrive()
        dataset = await process.provision()
        path = ask(story, (FIRST, ["P12"]))
        again = await process.services.datasets.recheck(dataset.dataset_id, ALL)
        assert of(again) == Readiness(asked=1, answered=1)
        path.write_text("{")
        unread = of(await process.services.datasets.recheck(dataset.dataset_id, ALL))
        assert unread is not None
        assert unread.unknown == f"The questions of the template '{PLACE}/confluence_pages' cannot be read."
        path.unlink()
        assert of(await process.services.datasets.recheck(dataset.dataset_id, ALL)) is None


@BOTH
async def test_a_document_that_is_removed_lowers_the_figure(story: World, speaks: Dialect) -> None:
    story.dialect = speaks
    async with story.process() as process:
        await process.arrive()
        dataset = await process.provision()
        assert dataset.quality is not None
        tell(story, 12, "Nothing of note.", page_id="P77")
        await process.complete()
        await process.tear_down(dataset)
        await process.arrive("acme2", "j1")
        without = await process.provision(client_id="acme2")
        assert of(without) == Readiness(asked=2, answered=0, unanswered=(FIRST, SECOND))
        assert without.quality is not None
        assert without.quality.score == dataset.quality.score
        assert quality.passes(without.quality)


async def test_questions_that_cannot_be_read_keep_no_dataset_from_being_made(story: World) -> None:
    ask(story).write_text('{"questions": [{"question": "", "documents": {}}]}')
    async with story.process() as process:
        await process.arrive()
        dataset = await process.provision()
        assert dataset.status is DatasetStatus.READY
        assert dataset.content is not None
        assert "question 1: question must be a text with a word in it" in dataset.content.warnings[0]
        found = of(dataset)
        assert found is not None
        assert found.share is None


async def test_a_restored_dataset_is_asked_as_the_one_that_was_archived(story: World) -> None:
    async with story.process() as process:
        await process.arrive()
        dataset = await process.provision()
        await process.complete()
        gone = await process.tear_down(dataset)
        kept = json.loads(
            b"".join(
                [
                    part
                    async for part in process.outside.archives.read(
                        f"acme/sandbox/confluence_pages/{gone.dataset_id}", "quality_reports.json"
                    )
                ]
            )
        )
        assert kept[1]["readiness"]["unanswered"] == [SECOND]
        await process.services.registry.add_journey(
            Journey(journey_id="j2", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE), ALL
        )
        begun = await process.services.restoring.start(gone.dataset_id, "j2", ALL)
        back = (await process.services.provisioning.wait(begun, 30)).dataset
        assert back.restored_from == gone.dataset_id
        assert of(back) == of(dataset)


async def test_a_process_that_dies_after_it_was_said_does_not_say_it_twice(story: World) -> None:
    async with story.process(crash=CrashAt("validate", "inside")) as process:
        await process.arrive()
        begun = await process.start()
        await process.engine.wait(list(story.journal)[-1], 30)
        assert process.engine.dead
    ask(story, (THIRD, ["P1"]))
    async with story.process() as process:
        await process.services.sagas.resume(patiently=False)
        await process.services.sagas.wait(begun.dataset.dataset_id, 30)
        dataset = await process.look(begun.dataset.dataset_id)
        assert of(dataset) == Readiness(asked=2, answered=1, unanswered=(SECOND,))
        assert dataset.status is DatasetStatus.READY
        told = [
            each
            for each in await events_of(process.outside.store)
            if each.kind == "dataset:quality_evaluated"
        ]
        assert len(told) == 1
