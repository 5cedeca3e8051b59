"""Which datasets may be refreshed, and what is told of one that may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import LifecycleError
from domain.model.clock import ClockReading
from domain.model.content import Content, QualityReport
from domain.model.dataset import Recheck, Teardown
from domain.model.enums import DatasetStatus, DatasetType, DataSource, JourneyState, Stage, TeardownReason
from domain.model.run import Run
from domain.model.template import GENERATED_FORMAT, Generator, Template
from domain.policy.provision import (
    has_moving_source,
    is_population_due,
    require_moving_source,
    require_refresh_allowed,
    require_refreshable,
)
from tests.support.entities import NOW, dataset, journey

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
READING = ClockReading(at=NOW)
CONTENT = Content(
    attempt=1,
    record_count=7,
    size_bytes=70,
    checksum="aa",
    containers=("ENG",),
    report=QualityReport(score=100.0, checks=(), checksum="aa", evaluated_at=NOW - DAY),
)
SERVED = dataset(content=CONTENT)
FIXED = Template(
    template_id=SERVED.template.template_id,
    name="Pages",
    industry="fintech",
    use_case="developer_productivity",
    dataset_type=DatasetType.CONFLUENCE_PAGES,
    format="json-v1",
    source="pages.json",
)
RELATIVE = replace(FIXED, is_relative=True)
GENERATOR = Generator(file="company.yaml", records=30)
GENERATED = replace(FIXED, format=GENERATED_FORMAT, generator=GENERATOR)


def catch_refusal(call: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(LifecycleError) as refusal:
        call()
    return refusal.value.as_dict()


@pytest.mark.parametrize("status", [DatasetStatus.READY, DatasetStatus.VALIDATING])
def test_a_settled_dataset_that_is_served_may_be_refreshed(status: DatasetStatus) -> None:
    over = Recheck(requested_at=NOW - HOUR, deadline=NOW)
    require_refreshable(replace(SERVED, status=status, recheck=over, protected_until=NOW), READING)
    require_refresh_allowed(journey(), SERVED)


@pytest.mark.parametrize(
    ("changes", "code", "recovery", "message"),
    [
        ({"status": DatasetStatus.FAILED}, "invalid_argument", "choose_other", "is failed; only a dataset"),
        ({"status": DatasetStatus.ARCHIVED}, "invalid_argument", "choose_other", "is archived; only"),
        ({"content": None}, "invalid_argument", "choose_other", "only a dataset that is served"),
        (
            {"run": Run(saga_id="provision:d:1", started_at=NOW)},
            "provision_running",
            "wait",
            "A provision of it is running.",
        ),
        (
            {"run": Run(saga_id="undo:d:1:1", started_at=NOW)},
            "provision_running",
            "wait",
            "The remains of a failed provision",
        ),
        (
            {"recheck": Recheck(requested_at=NOW, deadline=NOW + HOUR)},
            "quality_checks_pending",
            "wait",
            "after 2026-03-01T13:00:00Z that no longer counts",
        ),
        (
            {"protected_until": NOW + DAY},
            "dataset_protected",
            "needs_human",
            "is protected until 2026-03-02T12:00:00Z; a refresh would replace its content.",
        ),
    ],
)
def test_a_dataset_in_another_state_is_refused(
    changes: dict[str, Any], code: str, recovery: str, message: str
) -> None:
    told = catch_refusal(lambda: require_refreshable(replace(SERVED, **changes), READING))
    assert (told["code"], told["recovery"], told["field"], told["dataset_id"]) == (
        code,
        recovery,
        "dataset_id",
        SERVED.dataset_id,
    )
    assert message in told["message"]
    assert told["suggested_action"]


def test_a_failed_dataset_is_told_to_be_retried_and_an_archived_one_to_be_restored() -> None:
    actions = [
        catch_refusal(lambda each=each: require_refreshable(replace(SERVED, status=each), READING))[  # type: ignore[misc]
            "suggested_action"
        ]
        for each in (DatasetStatus.FAILED, DatasetStatus.ARCHIVED)
    ]
    assert actions == [
        "Provision it again with retry: that populates it as of today.",
        "Provision the dataset anew; or restore it from its archive, as it was.",
    ]


def test_a_dataset_in_teardown_is_refused() -> None:
    teardown = Teardown(
        reason=TeardownReason.MANUAL,
        requester="person:kim",
        former_status=DatasetStatus.READY,
        started_at=NOW,
    )
    going = replace(SERVED, status=DatasetStatus.TEARDOWN, teardown=teardown)
    assert catch_refusal(lambda: require_refreshable(going, READING))["code"] == "teardown_in_progress"


def test_a_journey_that_has_left_the_stage_or_is_not_active_is_refused() -> None:
    left = catch_refusal(lambda: require_refresh_allowed(journey(stage=Stage.PILOT), SERVED))
    assert left == {
        "code": "stage_mismatch",
        "message": "The journey 'j1' is at pilot; ACME-Sandbox-Confluence belongs to sandbox.",
        "recovery": "choose_other",
        "field": "dataset_id",
        "suggested_action": "Refresh a dataset of pilot, or have one provisioned there.",
        "dataset_id": SERVED.dataset_id,
    }
    paused = catch_refusal(lambda: require_refresh_allowed(journey(state=JourneyState.PAUSED), SERVED))
    assert paused == {
        "code": "journey_not_active",
        "message": "The journey 'j1' is paused; only the datasets of an active journey can be refreshed.",
        "recovery": "needs_human",
        "field": "dataset_id",
        "suggested_action": "Ask a person to activate the journey, then call again.",
        "dataset_id": SERVED.dataset_id,
    }


@pytest.mark.parametrize(
    ("changes", "template"),
    [
        ({}, RELATIVE),
        ({}, GENERATED),
        ({"data_source": DataSource.GENERATED}, GENERATED),
        ({"data_source": DataSource.GENERATED}, replace(FIXED, generator=GENERATOR)),
    ],
)
def test_generated_data_and_relative_time_move(changes: dict[str, Any], template: Template) -> None:
    assert has_moving_source(replace(SERVED, **changes), template)
    require_moving_source(replace(SERVED, **changes), template)


@pytest.mark.parametrize(
    ("changes", "template", "code", "message"),
    [
        ({}, FIXED, "invalid_argument", "are fixed, so nothing in ACME-Sandbox-Confluence would move."),
        ({"restored_from": "d0"}, RELATIVE, "invalid_argument", "was restored from an archive"),
        (
            {"data_source": DataSource.SANITIZED_PRODUCTION},
            RELATIVE,
            "invalid_argument",
            "holds records of an export",
        ),
        ({}, None, "mock_data_missing", "is no longer in the repository."),
        (
            {"data_source": DataSource.GENERATED},
            None,
            "mock_data_missing",
            "is no longer in the repository.",
        ),
        ({"data_source": DataSource.GENERATED}, RELATIVE, "mock_data_missing", "no longer has a generator."),
    ],
)
def test_a_source_in_which_nothing_moves_is_refused_with_what_to_do(
    changes: dict[str, Any], template: Template | None, code: str, message: str
) -> None:
    assert not has_moving_source(replace(SERVED, **changes), template)
    told = catch_refusal(lambda: require_moving_source(replace(SERVED, **changes), template))
    assert (told["code"], told["field"]) == (code, "dataset_id")
    assert message in told["message"]
    assert ("time: relative" if code == "invalid_argument" else "Put the template back") in told[
        "suggested_action"
    ]


def test_a_population_is_due_from_the_day_after_it_on() -> None:
    midnight = NOW.replace(hour=0)
    assert [is_population_due(SERVED, each) for each in (NOW - DAY, midnight - HOUR, midnight, NOW)] == [
        False,
        False,
        True,
        True,
    ]


def test_a_clock_before_the_population_is_refused_with_both_instants() -> None:
    assert catch_refusal(lambda: is_population_due(SERVED, NOW - 2 * DAY)) == {
        "code": "precondition_unknown",
        "message": "The clock says 2026-02-27T12:00:00Z, but ACME-Sandbox-Confluence was populated at "
        "2026-02-28T12:00:00Z, with records up to 2026-02-27. A refresh would make it older.",
        "recovery": "needs_human",
        "field": "dataset_id",
        "suggested_action": "Ask a person to check the clock of this machine. If it is right now, wait for that day.",
        "dataset_id": SERVED.dataset_id,
    }
