"""The figures that the specification names, each as it says them."""

from __future__ import annotations

from datetime import timedelta

from domain.governance.leases import MAX_LEASE
from domain.policy.approvals import APPROVAL_OPEN_FOR, GRANT_FOR
from domain.policy.orphans import MAX_GRACE_PER_SCAN, SweepCaps
from domain.policy.provision import ProvisionLimits


def test_a_request_is_open_for_half_an_hour_and_its_grant_good_for_ten_minutes() -> None:
    assert (timedelta(minutes=30), timedelta(minutes=10)) == (APPROVAL_OPEN_FOR, GRANT_FOR)


def test_whoever_is_no_person_reaches_thirty_days_ahead() -> None:
    assert timedelta(days=30) == MAX_LEASE


def test_a_scan_counts_for_twenty_six_hours_of_grace_at_most() -> None:
    assert timedelta(hours=26) == MAX_GRACE_PER_SCAN


def test_a_client_has_fifty_live_datasets_and_a_dataset_ten_million_records() -> None:
    assert ProvisionLimits() == ProvisionLimits(live_datasets_per_client=50, records_per_dataset=10_000_000)


def test_a_sweep_takes_twenty_five_datasets_or_three_in_ten_when_more_than_ten_are_due() -> None:
    assert SweepCaps() == SweepCaps(count=25, share=0.30, share_from=10)
