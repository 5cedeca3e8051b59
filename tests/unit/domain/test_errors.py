"""The one error shape, and the tree behind it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.errors import (
    ERRORS_BY_CODE,
    BlockingCheck,
    DatasetConflictError,
    InternalError,
    JourneyActiveError,
    LifecycleError,
    PlatformThrottledError,
    PlatformUnavailableError,
    Recovery,
    UnknownClientError,
    error_from_code,
    format_timestamp,
)

CONTRACT = [
    "unknown_client",
    "unknown_journey",
    "unknown_dataset",
    "unknown_connector",
    "unknown_template",
    "invalid_argument",
    "journey_not_active",
    "stage_mismatch",
    "dataset_conflict",
    "provision_failed",
    "teardown_in_progress",
    "provision_running",
    "dataset_protected",
    "journey_active",
    "quality_checks_pending",
    "connector_syncing",
    "reason_not_true",
    "confirmation_required",
    "declined",
    "forbidden",
    "read_only",
    "quota_exceeded",
    "platform_unavailable",
    "platform_denied",
    "platform_invalid",
    "platform_mismatch",
    "template_invalid",
    "template_format_unknown",
    "mock_data_missing",
    "archive_failed",
    "cleanup_failed",
    "precondition_unknown",
]


def test_every_code_of_the_wire_contract_has_its_class() -> None:
    assert set(CONTRACT) <= set(ERRORS_BY_CODE)


@pytest.mark.parametrize("code", sorted(ERRORS_BY_CODE))
def test_every_code_says_what_it_means_and_what_can_be_done(code: str) -> None:
    kind = ERRORS_BY_CODE[code]
    assert kind.__doc__
    assert kind.code == code
    assert isinstance(kind.recovery, Recovery)


def test_the_shape_carries_what_is_known_and_nothing_empty() -> None:
    error = UnknownClientError(
        "There is no client 'x'.", field="client_id", candidates=("acme",), retry_after_s=2
    )
    assert error.as_dict() == {
        "code": "unknown_client",
        "message": "There is no client 'x'.",
        "recovery": "fix_input",
        "field": "client_id",
        "candidates": ["acme"],
        "retry_after_s": 2,
        "suggested_action": UnknownClientError.action,
    }


def test_facts_and_blocking_checks_travel_with_it() -> None:
    block = BlockingCheck(
        code="journey_active",
        what="Its journey is active.",
        clears="Complete it.",
        since=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        recovery=Recovery.NEEDS_HUMAN,
    )
    error = JourneyActiveError("No.", blocking=(block,), suggested_action="Complete it.", dataset_id="d1")
    assert error.as_dict() == {
        "code": "journey_active",
        "message": "No.",
        "recovery": "needs_human",
        "blocking_checks": [
            {
                "check": "journey_active",
                "what": "Its journey is active.",
                "since": "2026-01-02T03:04:05Z",
                "clears": "Complete it.",
                "recovery": "needs_human",
            }
        ],
        "suggested_action": "Complete it.",
        "dataset_id": "d1",
    }


def test_a_recovery_of_its_own_goes_before_the_usual_one() -> None:
    assert DatasetConflictError("No.", recovery=Recovery.NEVER).recovery is Recovery.NEVER
    assert DatasetConflictError("No.").recovery is Recovery.CHOOSE_OTHER


def test_what_was_recorded_comes_back_as_its_own_class() -> None:
    assert type(error_from_code("platform_unavailable", "gone")) is PlatformUnavailableError
    assert type(error_from_code("no_such_code", "what?")) is InternalError
    assert PlatformThrottledError.code == "platform_unavailable"


def test_an_instant_is_told_in_utc_to_the_second() -> None:
    assert format_timestamp(None) is None
    assert format_timestamp(datetime(2026, 1, 2, 3, 4, 5, 999999, tzinfo=UTC)) == "2026-01-02T03:04:05Z"


def test_every_error_is_caught_as_one() -> None:
    with pytest.raises(LifecycleError, match="gone"):
        raise error_from_code("platform_denied", "gone")
