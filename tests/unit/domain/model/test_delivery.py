"""The life of one delivery, whatever the webhook answers and whatever the clock does."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events.cloudevents import build_message, event_id, parse_event_id
from domain.model.delivery import (
    Delivery,
    DeliveryResult,
    DeliveryState,
    RetryPolicy,
    Subscription,
    delivery_after_attempt,
    redelivery,
)
from domain.model.event import Event, EventKind
from domain.ports.webhooks import CloudEventMessage
from tests.support.content.hostile_text import HOSTILE, unprintable_fields, unprintable_output
from tests.support.entities import NOW

if TYPE_CHECKING:
    from datetime import datetime

WAITING = Delivery(webhook="w", seq=7, dataset_id="d1", due_at=NOW)
ANSWERS = st.builds(
    DeliveryResult,
    error=st.one_of(st.none(), st.just("answered 500")),
    gone=st.booleans(),
    retry_after_s=st.one_of(st.none(), st.floats(0, 1e9)),
)
RETRYING = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 100),
    first_s=st.floats(0.01, 3600),
    longest_s=st.floats(3600, 86_400),
)


@given(
    retrying=RETRYING,
    answers=st.lists(ANSWERS, max_size=120),
    jumps=st.lists(st.timedeltas(timedelta(days=-400), timedelta(days=400)), min_size=120, max_size=120),
    chances=st.lists(st.floats(0, 1), min_size=120, max_size=120),
)
def test_a_delivery_is_tried_at_most_so_often_with_pauses_in_bounds_and_settles_once(
    retrying: RetryPolicy, answers: list[DeliveryResult], jumps: list[timedelta], chances: list[float]
) -> None:
    now, delivery, tries = NOW, WAITING, 0
    for answer, jump, chance in zip(answers, jumps, chances, strict=False):
        if delivery.state is not DeliveryState.WAITING:
            break
        now += jump
        before, tries = delivery, tries + 1
        delivery = delivery_after_attempt(before, answer, now=now, retrying=retrying, chance=chance)
        assert delivery.attempts == tries
        assert delivery.error == answer.error
        _holds(before, delivery, answer, now, retrying)
    assert tries <= retrying.attempts


def _holds(
    before: Delivery, delivery: Delivery, answer: DeliveryResult, now: datetime, retrying: RetryPolicy
) -> None:
    if answer.error is None:
        assert (delivery.state, delivery.settled_at) == (DeliveryState.DELIVERED, now)
    elif answer.gone or delivery.attempts == retrying.attempts:
        assert (delivery.state, delivery.settled_at) == (DeliveryState.PARKED, now)
    else:
        assert (delivery.state, delivery.settled_at) == (DeliveryState.WAITING, None)
        doubled = min(retrying.longest_s, retrying.first_s * 2 ** (delivery.attempts - 1))
        pause = (delivery.due_at - now).total_seconds()
        asked = min(retrying.longest_s, answer.retry_after_s or 0)
        assert max(asked, doubled / 2) - 1e-5 <= pause <= max(asked, doubled) + 1e-5
        assert delivery.due_at - now <= retrying.longest_backoff
    assert (delivery.webhook, delivery.seq, delivery.dataset_id) == (
        before.webhook,
        before.seq,
        before.dataset_id,
    )


@pytest.mark.parametrize("state", DeliveryState)
def test_what_is_sent_again_is_as_if_it_had_never_been_tried(state: DeliveryState) -> None:
    tried = replace(WAITING, state=state, attempts=20, settled_at=NOW, error="answered 500")
    later = NOW + timedelta(days=3)
    assert redelivery(tried, later) == replace(WAITING, due_at=later)


def test_the_default_pauses_spread_twenty_tries_over_at_most_ten_and_a_half_hours() -> None:
    usual = RetryPolicy()
    pauses = [usual.backoff(each, 1).total_seconds() for each in range(1, usual.attempts)]
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses[-1] == 3600
    assert 10 < sum(pauses) / 3600 < 10.5
    assert usual.backoff(1, 0) == timedelta(seconds=2.5)


PROVISIONED = Event(
    kind=EventKind.PROVISIONED, at=NOW, dataset_id="d1", client_id="acme", data={"name": "ACME", "attempt": 1}
)


def test_a_webhook_is_told_of_the_kinds_and_clients_that_it_wants() -> None:
    assert Subscription(webhook="w").matches(PROVISIONED)
    assert Subscription(webhook="w", kinds=frozenset({EventKind.PROVISIONED})).matches(PROVISIONED)
    assert not Subscription(webhook="w", kinds=frozenset({EventKind.TORN_DOWN})).matches(PROVISIONED)
    assert Subscription(webhook="w", clients=frozenset({"acme"})).matches(PROVISIONED)
    assert not Subscription(webhook="w", clients=frozenset({"ACME"})).matches(PROVISIONED)


def test_an_event_is_a_cloud_event_with_the_same_id_and_bytes_whenever_it_is_sent() -> None:
    installation = "0123456789abcdef"
    sent = build_message(installation, 42, PROVISIONED)
    assert (
        sent
        == build_message(installation, 42, PROVISIONED)
        == CloudEventMessage(id="evt_0123456789ab_42", body=sent.body)
    )
    assert json.loads(sent.body) == {
        "specversion": "1.0",
        "id": "evt_0123456789ab_42",
        "source": "/dataset-lifecycle/0123456789abcdef",
        "type": "dataset:provisioned",
        "subject": "d1",
        "time": "2026-03-01T12:00:00Z",
        "datacontenttype": "application/json",
        "sequence": "0000000000000000042",
        "data": {"dataset_id": "d1", "client_id": "acme", "name": "ACME", "attempt": 1},
    }


@given(st.integers(0, 10**18))
def test_an_id_leads_back_to_its_event_and_no_other_text_does(seq: int) -> None:
    installation = "0123456789abcdef"
    named = event_id(installation, seq)
    assert parse_event_id(installation, named) == seq
    assert parse_event_id("another-installation", named) is None


@pytest.mark.parametrize(
    "text",
    ["", "42", "evt_0123456789ab_", "evt_0123456789ab_042", "evt_0123456789ab_-1", "evt_0123456789ab_٤"],
)
def test_what_is_no_id_leads_nowhere(text: str) -> None:
    assert parse_event_id("0123456789abcdef", text) is None
    assert parse_event_id("0123456789abcdef", f"evt_0123456789ab_{'9' * 5000}") is None


def test_a_message_is_printable_text() -> None:
    sent = build_message(
        "installation", 1, replace(PROVISIONED, data={"message": HOSTILE, "issues": [HOSTILE]})
    )
    assert unprintable_output(sent.body) == set()
    assert unprintable_fields(json.loads(sent.body)) == {}
