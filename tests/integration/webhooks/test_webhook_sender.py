"""What is sent to a webhook, and what is made of its answer, over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import tracemalloc
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from domain.model.delivery import DeliveryResult
from domain.ports.webhooks import CloudEventMessage
from server.adapters.clock import SystemClock
from server.adapters.webhooks import HttpCourier
from tests.support.webhooks.receiver import (
    MEGABYTES,
    NEXT_SECRET,
    SECRET,
    WebhookReceiver,
    never_reply,
    reply_accepted,
    reply_error,
    reply_gone,
    reply_redirect,
    reply_retry_after,
    send_huge_body,
    stall_body,
)

if TYPE_CHECKING:
    from starlette.requests import Request

    from tests.support.webhooks.receiver import Behaviour

MESSAGE = CloudEventMessage(id="evt_abc_1", body=json.dumps({"sequence": "1", "name": "Zoë"}).encode())


async def send_message(
    receiver: WebhookReceiver,
    *,
    timeout_s: float = 20,
    secrets: tuple[str, ...] = (SECRET,),
    message: CloudEventMessage = MESSAGE,
) -> DeliveryResult:
    keys = [SecretStr(each) for each in secrets]
    async with HttpCourier(receiver.url, keys, clock=SystemClock(), timeout_s=timeout_s) as courier:
        return await courier.send(message)


async def test_a_message_is_signed_with_every_key_and_stamped_with_the_time_of_the_try() -> None:
    async with WebhookReceiver().listen() as receiver:
        assert await send_message(receiver, secrets=(SECRET, NEXT_SECRET)) == DeliveryResult()
    [headers] = receiver.headers
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["webhook-id"] == "evt_abc_1"
    stamp = headers["webhook-timestamp"]
    assert abs(datetime.now(UTC).timestamp() - int(stamp)) < 60
    # By hand, as the specification says it, and not by the library that signed it.
    signed = f"evt_abc_1.{stamp}.".encode() + MESSAGE.body
    wanted = [
        "v1,"
        + base64.b64encode(
            hmac.new(base64.b64decode(each.removeprefix("whsec_")), signed, hashlib.sha256).digest()
        ).decode()
        for each in (SECRET, NEXT_SECRET)
    ]
    assert headers["webhook-signature"] == " ".join(wanted)


async def test_while_a_key_is_replaced_a_receiver_verifies_with_the_old_one_and_with_the_new() -> None:
    async with WebhookReceiver().listen() as receiver:
        assert await send_message(receiver, secrets=(SECRET, NEXT_SECRET)) == DeliveryResult()
    [headers] = receiver.headers
    for each in (SECRET, NEXT_SECRET):
        assert Webhook(each).verify(MESSAGE.body, headers) == json.loads(MESSAGE.body)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET[:-4] + "AAAA").verify(MESSAGE.body, headers)


@pytest.mark.parametrize(
    ("behaviour", "answer"),
    [
        (reply_accepted, DeliveryResult()),
        (reply_error, DeliveryResult(error="answered 500")),
        (reply_retry_after, DeliveryResult(error="answered 429", retry_after_s=30)),
        (reply_gone, DeliveryResult(error="answered 410", gone=True)),
        (reply_redirect, DeliveryResult(error="answered 307, a redirect, which is not followed")),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
async def test_only_an_answer_of_success_is_one(behaviour: Behaviour, answer: DeliveryResult) -> None:
    async with WebhookReceiver(behaviour).listen() as receiver:
        assert await send_message(receiver) == answer
    assert (len(receiver.messages), receiver.stray_requests) == (1, 0)


async def test_a_webhook_that_hangs_is_given_up() -> None:
    async with WebhookReceiver(never_reply).listen() as receiver:
        assert await send_message(receiver, timeout_s=0.3) == DeliveryResult(
            error="no answer within 0.3 seconds"
        )


async def test_an_answer_whose_body_never_ends_counts_by_its_status() -> None:
    async with WebhookReceiver(stall_body).listen() as receiver:
        assert await send_message(receiver, timeout_s=0.3) == DeliveryResult()


async def test_megabytes_of_answer_are_not_read() -> None:
    async with WebhookReceiver(send_huge_body).listen() as receiver:
        tracemalloc.start()
        try:
            assert await send_message(receiver) == DeliveryResult()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < MEGABYTES << 19


async def test_nobody_there_is_a_failure_that_names_no_address() -> None:
    async with WebhookReceiver().listen() as receiver:
        pass
    assert await send_message(receiver) == DeliveryResult(error="no answer: nothing listens there")


@pytest.mark.parametrize("stated", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1.5", "soon", "٣"])
async def test_a_retry_after_that_is_no_number_of_seconds_is_not_heeded(stated: str) -> None:
    from starlette.responses import Response  # noqa: PLC0415

    async def busy(_: Request) -> Response:
        response = Response(status_code=503)
        response.raw_headers.append((b"retry-after", stated.encode()))
        return response

    async with WebhookReceiver(busy).listen() as receiver:
        assert await send_message(receiver) == DeliveryResult(error="answered 503")
