"""A process that delivers is killed between sending and recording."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from domain.model.delivery import DeliveryState
from tests.support.polling import wait_for
from tests.support.webhooks.deliveries import register_webhook, wait_for_deliveries
from tests.support.webhooks.events import append_events
from tests.support.webhooks.receiver import WebhookReceiver, reply_accepted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from domain.ports import Store

ROOT = Path(__file__).parents[3]


@contextmanager
def host(where: str, receiver: WebhookReceiver) -> Iterator[subprocess.Popen[bytes]]:
    command = (
        sys.executable,
        "-W",
        "error",
        "-m",
        "tests.support.webhooks.delivery_process",
        where,
        receiver.url,
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environ: dict[str, Any] = {**kept, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.each_store
async def test_what_was_sent_and_not_recorded_is_sent_again_under_the_same_id(
    store: Store, store_location: str
) -> None:
    killed: list[int] = []
    receiver = WebhookReceiver()

    async def deadly(request: Request) -> Response:
        if not killed:
            killed.append(first.pid)
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
        return await reply_accepted(request)

    async with receiver.listen():
        with host(store_location, receiver) as first:
            await register_webhook(store)
            receiver.behaviour = deadly
            await append_events(store, "d1", "d1")
            await wait_for(lambda: bool(killed), 30)
        [waiting, after] = await store.read(lambda uow: uow.deliveries.find())
        assert (waiting.state, waiting.attempts, after.attempts) == (DeliveryState.WAITING, 0, 0)
        with host(store_location, receiver):
            await wait_for_deliveries(store, DeliveryState.DELIVERED, 2)
    assert receiver.sequence_numbers == [1, 1, 2]
    assert receiver.headers[0]["webhook-id"] == receiver.headers[1]["webhook-id"]


async def test_whoever_delivers_is_killed_again_and_again_and_every_dataset_is_told_of_in_order(
    store: Store, store_location: str
) -> None:
    receiver, hosts, at = WebhookReceiver(), dict[str, subprocess.Popen[bytes]](), [3, 8]

    async def deadly(request: Request) -> Response:
        post = await store.read(lambda uow: uow.deliveries.get_cursor("w"))
        if at and len(receiver.messages) >= at[0] and post and (owner := hosts.pop(post.owner, None)):
            at.pop(0)
            os.kill(owner.pid, signal.SIGKILL)
            owner.wait()
        return await reply_accepted(request)

    async with receiver.listen():
        with ExitStack() as stack:
            for _ in range(3):
                process = stack.enter_context(host(store_location, receiver))
                hosts[str(process.pid)] = process
            await register_webhook(store)
            receiver.behaviour = deadly
            await append_events(store, *["d1", "d2", "d3"] * 6)
            await wait_for_deliveries(store, DeliveryState.DELIVERED, 18, seconds=120)
            assert (len(hosts), at) == (1, [])
    for each in ("d1", "d2", "d3"):
        seqs = [int(event["sequence"]) for event in receiver.messages if event["subject"] == each]
        assert list(dict.fromkeys(seqs)) == sorted(set(seqs))
        assert seqs == sorted(seqs)
    assert sorted(set(receiver.sequence_numbers)) == list(range(1, 19))
