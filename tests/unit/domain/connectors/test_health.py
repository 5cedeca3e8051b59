from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.connectors.health import MANY_ERRORS, Health, HealthFinding, assess_health, unobserved_health
from domain.errors import PlatformUnavailableError
from domain.model.connector import Connector, OwnerTag
from domain.model.enums import ConnectorStatus
from domain.ports.platform import Observation
from tests.support.entities import NOW, connector

MINUTE = timedelta(minutes=1)
SYNCED = NOW - 90 * MINUTE
GOOD = Observation(
    present=True,
    at=NOW,
    mark=OwnerTag(installation="here", dataset_id=connector().dataset_id),
    status="healthy",
    syncing=False,
    last_successful_sync=SYNCED,
    error_count_24h=0,
    document_count=30,
)


def judge_health(
    observation: Observation, ours: Connector | None = None, *, errors: int = 0, documents: int | None = 30
) -> Health:
    return assess_health(
        observation, ours or connector(), own_errors_24h=errors, documents=documents, now=NOW
    )


def observation_with(**changes: Any) -> Observation:
    return replace(GOOD, **changes)


def codes(health: Health) -> list[str]:
    return [each.code for each in health.findings]


def test_a_connector_that_serves_what_was_pushed_is_healthy() -> None:
    assert judge_health(GOOD) == Health(
        status=ConnectorStatus.HEALTHY,
        last_successful_sync=SYNCED,
        error_count_24h=0,
        freshness_s=5400,
        checked_at=NOW,
    )


@pytest.mark.parametrize(
    ("observation", "status", "found"),
    [
        (observation_with(present=False), ConnectorStatus.UNHEALTHY, ["missing"]),
        (
            observation_with(mark=OwnerTag(installation="here", dataset_id="other")),
            ConnectorStatus.UNHEALTHY,
            ["not_ours"],
        ),
        (observation_with(mark=None), ConnectorStatus.HEALTHY, []),
        (observation_with(status="unhealthy"), ConnectorStatus.UNHEALTHY, ["reported_unhealthy"]),
        (observation_with(status="syncing"), ConnectorStatus.SYNCING, []),
        (observation_with(syncing=True, document_count=3), ConnectorStatus.SYNCING, []),
        (observation_with(syncing=True, syncing_since=NOW - 29 * MINUTE), ConnectorStatus.SYNCING, []),
        (
            observation_with(syncing=True, syncing_since=NOW - 30 * MINUTE),
            ConnectorStatus.UNHEALTHY,
            ["sync_overdue"],
        ),
        (
            observation_with(syncing=True, status="unhealthy"),
            ConnectorStatus.UNHEALTHY,
            ["reported_unhealthy"],
        ),
        (observation_with(document_count=29), ConnectorStatus.UNHEALTHY, ["documents_missing"]),
        (observation_with(document_count=31), ConnectorStatus.HEALTHY, ["documents_unexpected"]),
        (observation_with(document_count=None), ConnectorStatus.HEALTHY, []),
        (observation_with(error_count_24h=1), ConnectorStatus.HEALTHY, ["errors_24h"]),
        (observation_with(error_count_24h=MANY_ERRORS), ConnectorStatus.UNHEALTHY, ["errors_24h"]),
        (
            observation_with(syncing=True, error_count_24h=MANY_ERRORS),
            ConnectorStatus.UNHEALTHY,
            ["errors_24h"],
        ),
        (observation_with(status="pending", last_successful_sync=None), ConnectorStatus.CREATING, []),
        (observation_with(status=None), ConnectorStatus.HEALTHY, []),
        (Observation(present=True, at=NOW), ConnectorStatus.CREATING, []),
    ],
)
def test_facts_make_the_verdict(observation: Observation, status: ConnectorStatus, found: list[str]) -> None:
    health = judge_health(observation)

    assert (health.status, codes(health)) == (status, found)


@pytest.mark.parametrize(
    ("served", "pushed", "found"),
    [
        ("d-1", "d-1", []),
        ("d-1", None, []),
        (None, "d-1", []),
        ("", "d-1", ["stale"]),
        ("d-1", "d-2", ["stale"]),
    ],
)
def test_what_is_served_is_what_was_pushed_last(
    served: str | None, pushed: str | None, found: list[str]
) -> None:
    health = assess_health(
        observation_with(run=served), connector(), own_errors_24h=0, documents=30, run=pushed, now=NOW
    )
    syncing = assess_health(
        observation_with(run=served, syncing=True),
        connector(),
        own_errors_24h=0,
        documents=30,
        run=pushed,
        now=NOW,
    )

    expected = ConnectorStatus.UNHEALTHY if found else ConnectorStatus.HEALTHY
    assert (health.status, codes(health)) == (expected, found)
    assert (syncing.status, codes(syncing)) == (ConnectorStatus.SYNCING, [])


def test_one_that_was_made_long_ago_and_never_synced_is_unhealthy() -> None:
    old = connector(created_at=NOW - 31 * MINUTE)

    health = judge_health(
        observation_with(status="pending", last_successful_sync=None, document_count=0), old
    )

    assert (health.status, codes(health)) == (ConnectorStatus.UNHEALTHY, ["never_synced"])


@pytest.mark.parametrize("status", [ConnectorStatus.FAILED, ConnectorStatus.DISCONNECTED])
def test_a_failed_provision_and_a_disconnect_are_not_healed_by_looking(status: ConnectorStatus) -> None:
    health = judge_health(GOOD, connector(status=status))

    found = ["provision_failed"] if status is ConnectorStatus.FAILED else []
    assert (health.status, codes(health)) == (status, found)


def test_errors_are_those_of_the_platform_or_of_our_own_ledger_whichever_are_more() -> None:
    assert judge_health(observation_with(error_count_24h=2), errors=5).error_count_24h == 5
    assert judge_health(observation_with(error_count_24h=7), errors=5).error_count_24h == 7
    assert judge_health(observation_with(error_count_24h=None), errors=5).error_count_24h == 5


def test_what_the_platform_does_not_say_our_own_row_may() -> None:
    ours = connector(last_successful_sync=SYNCED)

    assert judge_health(observation_with(last_successful_sync=None), ours).freshness_s == 5400
    assert judge_health(observation_with(last_successful_sync=None)).freshness_s is None


def test_a_clock_that_is_ahead_makes_nothing_fresher_than_now() -> None:
    assert judge_health(observation_with(last_successful_sync=NOW + MINUTE)).freshness_s == 0


@given(
    st.builds(
        Observation,
        present=st.booleans(),
        at=st.just(NOW),
        mark=st.none()
        | st.builds(OwnerTag, installation=st.just("here"), dataset_id=st.sampled_from(["a", "b"])),
        status=st.sampled_from([None, "pending", "syncing", "healthy", "unhealthy"]),
        syncing=st.none() | st.booleans(),
        syncing_since=st.none() | st.just(NOW - 60 * MINUTE),
        last_successful_sync=st.none()
        | st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)).map(  # noqa: DTZ001
            lambda each: each.replace(tzinfo=NOW.tzinfo)
        ),
        error_count_24h=st.none() | st.integers(0, 50),
        document_count=st.none() | st.integers(0, 50),
    ),
    st.sampled_from(ConnectorStatus),
    st.none() | st.integers(0, 50),
)
def test_whatever_is_unhealthy_has_a_finding_and_every_finding_says_what_to_do(
    observation: Observation, status: ConnectorStatus, documents: int | None
) -> None:
    health = judge_health(observation, connector(status=status), documents=documents)

    assert health.findings or health.status not in {ConnectorStatus.UNHEALTHY, ConnectorStatus.FAILED}
    assert all(each.message and each.suggested_action for each in health.findings)


def test_one_out_of_reach_is_unhealthy_and_says_that_its_state_is_unknown() -> None:
    error = PlatformUnavailableError("Glean is not there.")

    assert unobserved_health(
        connector(last_successful_sync=SYNCED), own_errors_24h=3, now=NOW, error=error
    ) == Health(
        status=ConnectorStatus.UNHEALTHY,
        last_successful_sync=SYNCED,
        error_count_24h=3,
        freshness_s=5400,
        checked_at=NOW,
        findings=(
            HealthFinding(
                code="platform_unavailable",
                message="Its state is unknown: Glean is not there.",
                suggested_action=PlatformUnavailableError.action,
            ),
        ),
    )


@pytest.mark.parametrize(
    ("held", "told", "found"),
    [
        (ConnectorStatus.CREATING, ConnectorStatus.CREATING, []),
        (ConnectorStatus.HEALTHY, ConnectorStatus.CREATING, []),
        (ConnectorStatus.DISCONNECTED, ConnectorStatus.DISCONNECTED, []),
        (ConnectorStatus.FAILED, ConnectorStatus.FAILED, ["provision_failed"]),
    ],
)
def test_one_that_is_not_there_to_be_looked_at_is_told_by_our_row(
    held: ConnectorStatus, told: ConnectorStatus, found: list[str]
) -> None:
    health = unobserved_health(connector(status=held), own_errors_24h=0, now=NOW, error=None)

    assert (health.status, codes(health), health.freshness_s) == (told, found, None)
