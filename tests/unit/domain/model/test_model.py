"""The nouns, the transition tables, and when a generation goes up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.content import Content, QualityReport, TemplateChoice
from domain.model.dataset import Dataset, OrphanMark, Recheck, Teardown
from domain.model.enums import (
    JOURNEY_TRANSITIONS,
    TRANSITIONS,
    DatasetStatus,
    DatasetType,
    DataSource,
    IllegalTransitionError,
    JourneyState,
    Stage,
    TeardownReason,
    TemplateMatch,
)
from domain.model.journey import Journey
from domain.model.principal import Principal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPORT = QualityReport(score=100.0, checks=(), checksum="aa", evaluated_at=NOW)
CONTENT = Content(attempt=1, record_count=7, size_bytes=70, checksum="aa", containers=("ENG",), report=REPORT)


def dataset(**changes: Any) -> Dataset:
    usual: dict[str, Any] = {
        "dataset_id": "acme-sandbox-confluence-abc123",
        "name": "ACME-Sandbox-Confluence",
        "client_id": "acme",
        "journey_id": "j1",
        "stage": Stage.SANDBOX,
        "dataset_type": DatasetType.CONFLUENCE_PAGES,
        "template": TemplateChoice(template_id="a/b/confluence_pages", match=TemplateMatch.EXACT),
        "data_source": DataSource.MOCK_TEMPLATE,
        "status": DatasetStatus.READY,
        "created_at": NOW,
        "last_used_at": NOW,
    }
    return Dataset(**usual | changes)


def teardown(**changes: Any) -> Teardown:
    usual: dict[str, Any] = {
        "reason": TeardownReason.MANUAL,
        "requester": "person:kim",
        "former_status": DatasetStatus.READY,
        "started_at": NOW,
    }
    return Teardown(**usual | changes)


def test_the_specified_moves_are_the_only_ones() -> None:
    assert {str(a): {str(b) for b in to} for a, to in TRANSITIONS.items()} == {
        "provisioning": {"validating", "failed"},
        "validating": {"ready", "failed", "provisioning", "teardown"},
        "ready": {"validating", "teardown"},
        "failed": {"provisioning", "teardown"},
        "teardown": {"archived"},
        "archived": set(),
    }


@given(start=st.sampled_from(DatasetStatus), to=st.sampled_from(DatasetStatus))
def test_any_other_move_is_a_bug_and_raises(start: DatasetStatus, to: DatasetStatus) -> None:
    before = dataset(status=start)
    if to is start or to in TRANSITIONS[start]:
        assert before.evolve(status=to).status is to
    else:
        with pytest.raises(IllegalTransitionError, match=before.dataset_id):
            before.evolve(status=to)


@given(former=st.sampled_from(DatasetStatus), to=st.sampled_from(DatasetStatus), disconnecting=st.booleans())
def test_a_teardown_gives_back_the_former_status_and_only_before_disconnecting(
    former: DatasetStatus, to: DatasetStatus, disconnecting: bool
) -> None:
    held = dataset(
        status=DatasetStatus.TEARDOWN, teardown=teardown(former_status=former, disconnecting=disconnecting)
    )
    allowed = to in {DatasetStatus.TEARDOWN, DatasetStatus.ARCHIVED} or (to is former and not disconnecting)
    if allowed:
        assert held.evolve(status=to).status is to
    else:
        with pytest.raises(IllegalTransitionError):
            held.evolve(status=to)


@pytest.mark.parametrize(
    "change",
    [
        {"status": DatasetStatus.VALIDATING},
        {"content": CONTENT},
        {"journey_id": "j2"},
        {"protected_until": NOW},
    ],
    ids=lambda each: next(iter(each)),
)
def test_the_generation_goes_up_with_content_status_journey_and_protection(change: dict[str, Any]) -> None:
    assert dataset().evolve(**change).generation == 2


@pytest.mark.parametrize(
    "change",
    [
        {"quality": REPORT},
        {"recheck": Recheck(requested_at=NOW, deadline=NOW)},
        {"orphan": OrphanMark(orphaned_at=NOW, reason="journey_completed")},
        {"last_used_at": NOW + timedelta(days=1)},
        {"status": DatasetStatus.READY},
        {},
    ],
)
def test_the_generation_stays_for_everything_else(change: dict[str, Any]) -> None:
    assert dataset().evolve(**change).generation == 1


def test_a_lapsed_lease_makes_an_active_journey_expired_at_its_very_instant() -> None:
    journey = Journey(
        journey_id="j1", client_id="acme", stage=Stage.PILOT, state=JourneyState.ACTIVE, lease_expires_at=NOW
    )
    assert journey.as_of(NOW - timedelta(seconds=1)).state is JourneyState.ACTIVE
    assert journey.as_of(NOW).state is JourneyState.EXPIRED


@given(state=st.sampled_from(JourneyState), stage=st.sampled_from(Stage), asked=st.sampled_from(Stage))
def test_a_journey_protects_its_own_stage_while_active_or_paused(
    state: JourneyState, stage: Stage, asked: Stage
) -> None:
    journey = Journey(journey_id="j1", client_id="acme", stage=stage, state=state)
    assert journey.protects(asked) == (stage is asked and state in {JourneyState.ACTIVE, JourneyState.PAUSED})


def test_nothing_returns_to_draft_and_what_is_over_can_only_be_reopened() -> None:
    assert all(JourneyState.DRAFT not in to for to in JOURNEY_TRANSITIONS.values())
    for over in (JourneyState.EXPIRED, JourneyState.COMPLETED, JourneyState.CANCELLED):
        assert JOURNEY_TRANSITIONS[over] == {JourneyState.ACTIVE}


def test_counts_are_of_the_served_content_and_else_of_the_staged() -> None:
    assert (dataset().record_count, dataset().size_bytes) == (0, 0)
    assert (dataset(staged=CONTENT).record_count, dataset(staged=CONTENT).size_bytes) == (7, 70)
    both = dataset(content=CONTENT, staged=Content(**{**_fields(CONTENT), "record_count": 9}))
    assert both.record_count == 7


def test_only_what_is_archived_is_no_longer_live() -> None:
    assert [status for status in DatasetStatus if not dataset(status=status).live] == [DatasetStatus.ARCHIVED]


def test_a_caller_touches_its_own_clients_and_one_without_a_list_all() -> None:
    assert Principal(subject="agent:a").can_access_client("acme")
    scoped = Principal(subject="agent:a", clients=frozenset({"acme"}))
    assert scoped.can_access_client("acme")
    assert not scoped.can_access_client("globex")


def test_a_type_names_its_connector_and_a_stage_its_place() -> None:
    assert [each.connector_kind for each in DatasetType] == ["confluence", "github", "slack", "jira"]
    assert [each.order for each in Stage] == [0, 1, 2]


def _fields(content: Content) -> dict[str, Any]:
    return {name: getattr(content, name) for name in content.__dataclass_fields__}
