"""The tool `list_orphans`, over the real use cases."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from domain.errors import BlockingCheck, Recovery
from domain.governance.orphan_facts import OrphanFacts, OrphanPage
from domain.model.enums import DatasetType, JourneyState, OrphanReason
from tests.support.entities import NOW, dataset
from tools.answers.orphans import orphans_answer

if TYPE_CHECKING:
    from tests.integration.tools.conftest import ToolSession
    from tests.support.world import World


def test_the_evidence_is_told_and_what_is_not_there_left_out() -> None:
    page = OrphanPage(
        items=(
            OrphanFacts(
                dataset=dataset(connector_id="k1"),
                reason=OrphanReason.JOURNEY_COMPLETED,
                age_days=30.0,
                journey_state=JourneyState.COMPLETED,
                orphaned_at=NOW,
                eligible_at=NOW + timedelta(days=7),
                blocking=(
                    BlockingCheck(
                        code="reason_not_true",
                        what="It has served 0 of the 7 days of grace.",
                        since=NOW,
                        clears="Wait.",
                        recovery=Recovery.WAIT,
                    ),
                ),
            ),
            OrphanFacts(
                dataset=dataset("d2"),
                reason=OrphanReason.JOURNEY_MISSING,
                age_days=30.0,
                journey_state=None,
                orphaned_at=None,
                eligible_at=None,
                blocking=(),
            ),
        ),
        unknown=("d3",),
        next_cursor="c",
        scanned_at=NOW,
    )
    both = {
        "name": "ACME-Sandbox-Confluence",
        "client_id": "acme",
        "journey_id": "j1",
        "stage": "sandbox",
        "dataset_type": "confluence_pages",
        "status": "ready",
        "age_days": 30.0,
        "last_used_at": "2026-01-30T12:00:00Z",
        "record_count": 0,
        "size_bytes": 0,
    }
    assert orphans_answer(page).as_dict() == {
        "items": [
            both
            | {
                "dataset_id": "acme-sandbox-confluence-abc123",
                "reason": "journey_completed",
                "journey_state": "completed",
                "orphaned_at": "2026-03-01T12:00:00Z",
                "eligible_at": "2026-03-08T12:00:00Z",
                "eligible": False,
                "blocking": [
                    {
                        "check": "reason_not_true",
                        "what": "It has served 0 of the 7 days of grace.",
                        "since": "2026-03-01T12:00:00Z",
                        "clears": "Wait.",
                        "recovery": "wait",
                    }
                ],
                "connector_id": "k1",
            },
            both | {"dataset_id": "d2", "reason": "journey_missing", "eligible": True, "blocking": []},
        ],
        "count": 2,
        "unknown": ["d3"],
        "next_cursor": "c",
        "scanned_at": "2026-03-01T12:00:00Z",
    }


async def test_what_no_journey_needs_is_listed_when_it_is_old_enough(
    tool_session: ToolSession, world: World
) -> None:
    made = await tool_session.process.provision()
    await tool_session.process.provision(dataset_type=DatasetType.JIRA_ISSUES)
    assert (await tool_session.call_ok("list_orphans", {"min_age_days": 0}))["items"] == []
    await tool_session.process.complete_journey()
    assert (await tool_session.call_ok("list_orphans", {}))["items"] == []
    world.clock.ahead += timedelta(days=8)
    first = await tool_session.call_ok("list_orphans", {"client_id": "acme", "stage": "sandbox", "limit": 1})
    (item,) = first["items"]
    assert (item["dataset_id"], item["reason"], item["eligible"]) == (
        made.dataset_id,
        "journey_completed",
        False,
    )
    second = await tool_session.call_ok("list_orphans", {"limit": 1, "cursor": first["next_cursor"]})
    assert [each["dataset_type"] for each in second["items"]] == ["jira_issues"]
    assert "next_cursor" not in second


async def test_an_unknown_client_is_refused_with_the_nearest(tool_session: ToolSession) -> None:
    error = await tool_session.call_refused("list_orphans", {"client_id": "acmee"})
    assert (error["code"], error["candidates"]) == ("unknown_client", ["acme"])


async def test_a_cursor_that_nobody_gave_is_refused(tool_session: ToolSession) -> None:
    assert (await tool_session.call_refused("list_orphans", {"cursor": "nonsense"}))["field"] == "cursor"
