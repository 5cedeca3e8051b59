"""The sandbox as it is shipped: what a test scripted in its file does nothing to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.sandbox import serve
from tests.support.glean.admin_client import AdminClient, HandDrivenClock, document
from tests.support.sandbox.control import Sandbox
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.sandbox.faults import StateFaultKind


@pytest.fixture
def shipped_sandbox(tmp_path: Path, clock: HandDrivenClock) -> Iterator[serve.EmbeddedSandbox]:
    with serve.EmbeddedSandbox(tmp_path / "sandbox.db", now=clock) as running:
        yield running


def test_no_request_is_refused_or_counted(shipped_sandbox: serve.EmbeddedSandbox) -> None:
    control = Sandbox(shipped_sandbox.state)
    control.faults.add(Fault(kind="status", times=None))
    control.limit_requests(1)
    with AdminClient(shipped_sandbox) as client:
        assert [client.get("/tenant").status_code for _ in range(3)] == [200] * 3
        assert client.get("/nothing").status_code == 404
    assert (control.faults.fired_count(), control.request_counts()) == (0, {})


@pytest.mark.parametrize("kind", ["sync_hangs", "sync_loses", "sync_fails", "unhealthy"])
def test_every_sync_succeeds_and_every_connector_is_healthy(
    shipped_sandbox: serve.EmbeddedSandbox, clock: HandDrivenClock, kind: StateFaultKind
) -> None:
    control = Sandbox(shipped_sandbox.state)
    control.faults.add(Fault(kind=kind))
    with AdminClient(shipped_sandbox) as client:
        datasource = client.create_datasource()
        client.load(datasource, "r", [document(1), document(2)])
        clock.advance(1)
        assert client.search_document_ids("ordinary") == ["page-1", "page-2"]
        assert client.get(f"{datasource}/health").json()["status"] == "HEALTHY"
        assert client.get(datasource).json()["status"] == "HEALTHY"
    assert control.faults.fired_count() == 0
