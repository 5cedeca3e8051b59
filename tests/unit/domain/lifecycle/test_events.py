"""What is sent of a dataset: every field in its place, and none that has nothing to say unless it is always said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.lifecycle.events import (
    provision_failed_event,
    provisioned_event,
    provisioning_started_event,
    quality_evaluated_event,
    restored_event,
    teardown_failed_event,
    torn_down_event,
)
from domain.model.content import CheckResult, QualityReport, Readiness
from domain.model.dataset import Teardown
from domain.model.enums import ConnectorOutcome, DatasetStatus, TeardownReason
from domain.model.event import Event, EventKind
from domain.model.run import Failure
from tests.support.entities import DATASET, NOW

FACTS = {
    "name": "ACME-Sandbox-Confluence",
    "journey_id": "j1",
    "stage": "sandbox",
    "dataset_type": "confluence_pages",
    "status": "ready",
}
TEARDOWN = Teardown(
    reason=TeardownReason.JOURNEY_COMPLETED,
    requester="op",
    former_status=DatasetStatus.READY,
    started_at=NOW,
    archived_path="/archives/a",
    connector_outcome=ConnectorOutcome.DELETED,
)
FAILURE = Failure(
    step="push",
    code="platform_denied",
    message="No.",
    recovery="wait",
    suggested_action="",
    at=NOW,
    attempt=2,
    to_undo=("connect",),
)
REPORT = QualityReport(
    score=97.5,
    checks=(CheckResult(check="authors", weight=1, of=4, failed=1, examples=("d1",)),),
    gates=(
        CheckResult(check="indexed", weight=0, of=4, failed=2),
        CheckResult(check="staged", weight=0, of=4, failed=0),
    ),
    checksum="c",
    evaluated_at=NOW,
)
JUDGED = {
    "score": 97.5,
    "passed": False,
    "issues": [
        {"check": "indexed", "failed": 2, "of": 4, "examples": []},
        {"check": "authors", "failed": 1, "of": 4, "examples": ["d1"]},
    ],
}
TORN_DOWN = {
    "reason": "journey_completed",
    "requester": "op",
    "archived_path": "/archives/a",
    "connector_outcome": "deleted",
    "record_count": 0,
}


@pytest.mark.parametrize(
    ("event", "kind", "said"),
    [
        (
            provisioning_started_event(DATASET, NOW, template_id="t"),
            EventKind.PROVISIONING_STARTED,
            {"attempt": 1, "template_id": "t"},
        ),
        (provisioning_started_event(DATASET, NOW), EventKind.PROVISIONING_STARTED, {"attempt": 1}),
        (
            provisioned_event(DATASET, NOW),
            EventKind.PROVISIONED,
            {"attempt": 1, "record_count": 0, "size_bytes": 0, "score": None, "connector_id": None},
        ),
        (
            provision_failed_event(DATASET, FAILURE, NOW),
            EventKind.PROVISION_FAILED,
            {
                "attempt": 2,
                "step": "push",
                "code": "platform_denied",
                "message": "No.",
                "to_undo": ["connect"],
            },
        ),
        (quality_evaluated_event(DATASET, REPORT, NOW), EventKind.QUALITY_EVALUATED, JUDGED),
        (
            quality_evaluated_event(
                DATASET,
                replace(REPORT, readiness=Readiness(asked=4, answered=3, unanswered=("Where?",))),
                NOW,
            ),
            EventKind.QUALITY_EVALUATED,
            {**JUDGED, "readiness": {"asked": 4, "answered": 3, "share": 0.75}},
        ),
        (
            quality_evaluated_event(
                DATASET, replace(REPORT, readiness=Readiness(asked=4, unknown="No.")), NOW
            ),
            EventKind.QUALITY_EVALUATED,
            {**JUDGED, "readiness": {"asked": 4, "unknown": "No."}},
        ),
        (
            restored_event(replace(DATASET, restored_from="d0", protected_until=NOW), NOW),
            EventKind.RESTORED,
            {
                "restored_from": "d0",
                "record_count": 0,
                "checksum": None,
                "protected_until": "2026-03-01T12:00:00Z",
            },
        ),
        (torn_down_event(DATASET, TEARDOWN, NOW), EventKind.TORN_DOWN, TORN_DOWN),
        (
            torn_down_event(
                DATASET,
                replace(TEARDOWN, archived_path=None, connector_outcome=None, manual_step="Delete it."),
                NOW,
            ),
            EventKind.TORN_DOWN,
            {**TORN_DOWN, "archived_path": None, "connector_outcome": None, "manual_step": "Delete it."},
        ),
        (
            teardown_failed_event(DATASET, TEARDOWN, FAILURE, NOW, given_back=True),
            EventKind.TEARDOWN_FAILED,
            {
                "reason": "journey_completed",
                "step": "push",
                "code": "platform_denied",
                "message": "No.",
                "given_back": True,
            },
        ),
    ],
)
def test_an_event_says_what_is_described_in_that_order(
    event: Event, kind: EventKind, said: dict[str, Any]
) -> None:
    assert event == Event(
        kind=kind, at=NOW, dataset_id=DATASET.dataset_id, client_id="acme", data={**FACTS, **said}
    )
    assert list(event.data) == [*FACTS, *said]
    assert {type(each) for each in event.data.values()} <= {str, int, float, bool, list, dict, type(None)}
