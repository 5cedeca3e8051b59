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

from domain.deliveries import DeliveryState
from tests.delivering.happening import happen
from tests.delivering.test_delivering import known, settled
from tests.receivers import Receiver, accept
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from domain.records import Store

ROOT = Path(__file__).parents[2]


@contextmanager
def host(where: str, receiver: Receiver) -> Iterator[subprocess.Popen[bytes]]:
    command = (sys.executable, "-W", "error", "-m", "tests.delivering.host", where, receiver.url)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environ: dict[str, Any] = {**kept, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.each_store
async def test_what_was_sent_and_not_recorded_is_sent_again_under_the_same_id(
    store: Store, where: str
) -> None:
    killed: list[int] = []
    receiver = Receiver()

    async def deadly(request: Request) -> Response:
        if not killed:
            killed.append(first.pid)
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
        return await accept(request)

    async with receiver.up():
        with host(where, receiver) as first:
            await known(store)
            receiver.behaviour = deadly
            await happen(store, "d1", "d1")
            await eventually(lambda: bool(killed), 30)
        [waiting, after] = await store.read(lambda records: records.deliveries())
        assert (waiting.state, waiting.attempts, after.attempts) == (DeliveryState.WAITING, 0, 0)
        with host(where, receiver):
            await settled(store, DeliveryState.DELIVERED, 2)
    assert receiver.seqs == [1, 1, 2]
    assert receiver.headers[0]["webhook-id"] == receiver.headers[1]["webhook-id"]


async def test_whoever_delivers_is_killed_again_and_again_and_every_dataset_is_told_of_in_order(
    store: Store, where: str
) -> None:
    receiver, hosts, at = Receiver(), dict[str, subprocess.Popen[bytes]](), [3, 8]

    async def deadly(request: Request) -> Response:
        post = await store.read(lambda records: records.post("w"))
        if at and len(receiver.heard) >= at[0] and post and (owner := hosts.pop(post.owner, None)):
            at.pop(0)
            os.kill(owner.pid, signal.SIGKILL)
            owner.wait()
        return await accept(request)

    async with receiver.up():
        with ExitStack() as stack:
            for _ in range(3):
                process = stack.enter_context(host(where, receiver))
                hosts[str(process.pid)] = process
            await known(store)
            receiver.behaviour = deadly
            await happen(store, *["d1", "d2", "d3"] * 6)
            await settled(store, DeliveryState.DELIVERED, 18, seconds=120)
            assert (len(hosts), at) == (1, [])
    for each in ("d1", "d2", "d3"):
        seqs = [int(event["sequence"]) for event in receiver.heard if event["subject"] == each]
        assert list(dict.fromkeys(seqs)) == sorted(set(seqs))
        assert seqs == sorted(seqs)
    assert sorted(set(receiver.seqs)) == list(range(1, 19))
