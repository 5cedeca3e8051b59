"""The tool `teardown_dataset`, over the real use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.lifecycle.teardown.service import TeardownResult
from domain.model.dataset import Teardown
from domain.model.enums import ConnectorOutcome, DatasetStatus, TeardownReason
from domain.model.run import Progress, Run
from tests.integration.tools.conftest import ToolSession, open_tool_session
from tests.support.entities import NOW, dataset
from tests.support.world import OPERATOR, AcceptingConfirmer
from tools.answers.teardown import teardown_answer

if TYPE_CHECKING:
    from tests.support.world import World

SAID = {
    "name": "ACME-Sandbox-Confluence",
    "dataset_id": "acme-sandbox-confluence-abc123",
    "client_id": "acme",
    "stage": "sandbox",
}


def teardown(**changes: object) -> Teardown:
    return Teardown(
        reason=TeardownReason.MANUAL,
        requester="person:kim",
        former_status=DatasetStatus.READY,
        started_at=NOW,
        **changes,  # type: ignore[arg-type] # the fields by name
    )


def test_a_running_teardown_says_how_far_it_is_and_when_to_ask_again() -> None:
    runs = dataset(
        status=DatasetStatus.TEARDOWN, teardown=teardown(), run=Run(saga_id="teardown:1", started_at=NOW)
    )
    assert teardown_answer(
        TeardownResult(dataset=runs, progress=Progress(step="archive", message="archive …"))
    ).as_dict() == SAID | {
        "status": "teardown",
        "cleanup_verified": False,
        "progress": {"step": "archive", "done": 0, "message": "archive …"},
        "poll_after_s": 5,
    }


@pytest.mark.parametrize(
    ("outcome", "verified"),
    [
        (ConnectorOutcome.DELETED, True),
        (ConnectorOutcome.EMPTIED, True),
        (ConnectorOutcome.ABANDONED, False),
    ],
)
def test_what_was_left_behind_is_not_called_verified(outcome: ConnectorOutcome, verified: bool) -> None:
    gone = dataset(
        status=DatasetStatus.ARCHIVED,
        teardown=teardown(
            connector_outcome=outcome,
            manual_step="Delete it in the console.",
            archived_path="/archives/acme",
            restorable_until=NOW,
        ),
    )
    assert teardown_answer(TeardownResult(dataset=gone)).as_dict() == SAID | {
        "status": "archived",
        "archived_path": "/archives/acme",
        "restorable_until": "2026-03-01T12:00:00Z",
        "connector_outcome": outcome.value,
        "manual_step": "Delete it in the console.",
        "cleanup_verified": verified,
    }


def test_a_dataset_whose_teardown_is_not_on_record_is_told_all_the_same() -> None:
    assert teardown_answer(TeardownResult(dataset=dataset())).as_dict() == SAID | {
        "status": "ready",
        "cleanup_verified": False,
    }


async def test_a_dataset_is_taken_down_and_the_same_call_answers_the_same(tool_session: ToolSession) -> None:
    made = await tool_session.process.provision()
    await tool_session.process.complete_journey()
    asked = {"dataset_id": made.dataset_id, "reason": "journey_completed"}
    gone = await tool_session.call_ok("teardown_dataset", asked)
    assert gone | {"archived_path": "", "restorable_until": ""} == SAID | {
        "dataset_id": made.dataset_id,
        "status": "archived",
        "archived_path": "",
        "restorable_until": "",
        "connector_outcome": "deleted",
        "platform": {"kind": "admin", "address": "sandbox"},
        "cleanup_verified": True,
    }
    assert gone["archived_path"].endswith(f"acme/sandbox/confluence_pages/{made.dataset_id}")
    assert await tool_session.call_ok("teardown_dataset", asked) == gone


async def test_an_archive_that_was_purged_is_said_to_be_with_the_instant(
    tool_session: ToolSession, world: World
) -> None:
    made = await tool_session.process.provision()
    await tool_session.process.complete_journey()
    asked = {"dataset_id": made.dataset_id, "reason": "journey_completed"}
    gone = await tool_session.call_ok("teardown_dataset", asked)
    world.clock.ahead += 2 * (world.policy.orphan_grace * 13)
    plan = await tool_session.process.services.archives.purge_archives(OPERATOR, apply=True)
    assert plan.purged == (made.dataset_id,)
    said = await tool_session.call_ok("teardown_dataset", asked)
    assert said.pop("purged_at") > gone["restorable_until"]
    assert said == gone


async def test_everything_that_stands_against_it_is_told_and_nothing_is_changed(
    tool_session: ToolSession,
) -> None:
    made = await tool_session.process.provision()
    error = await tool_session.call_refused(
        "teardown_dataset", {"dataset_id": made.dataset_id, "reason": "journey_completed"}
    )
    assert error["code"] == "journey_active"
    assert [each["check"] for each in error["blocking_checks"]] == ["journey_active", "reason_not_true"]
    assert all(each["what"] and each["clears"] for each in error["blocking_checks"])
    assert await tool_session.process.load_dataset(made.dataset_id) == made


async def test_manual_needs_a_person_and_no_argument_stands_for_one(tool_session: ToolSession) -> None:
    dataset_id = (await tool_session.process.provision()).dataset_id
    await tool_session.process.complete_journey()
    made = await tool_session.process.load_dataset(dataset_id)
    error = await tool_session.call_refused(
        "teardown_dataset", {"dataset_id": dataset_id, "reason": "manual"}
    )
    assert error["code"] == "confirmation_required"
    assert error["recovery"] == "needs_human"
    assert await tool_session.process.load_dataset(made.dataset_id) == made


async def test_a_confirmation_through_the_port_lets_it_go_on(world: World) -> None:
    person = AcceptingConfirmer()
    async with open_tool_session(world, confirmer=person) as served:
        await served.process.add_client_and_journey()
        made = await served.process.provision()
        await served.process.complete_journey()
        gone = await served.call_ok("teardown_dataset", {"dataset_id": made.dataset_id, "reason": "manual"})
    assert gone["status"] == "archived"
    (question,) = person.requests
    assert question.requester.startswith("agent:")


async def test_an_unknown_dataset_gets_the_nearest_ones(tool_session: ToolSession) -> None:
    made = await tool_session.process.provision()
    error = await tool_session.call_refused(
        "teardown_dataset", {"dataset_id": made.dataset_id[:-2], "reason": "manual"}
    )
    assert (error["code"], error["field"], error["candidates"]) == (
        "unknown_dataset",
        "dataset_id",
        [made.dataset_id],
    )
