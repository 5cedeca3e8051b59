"""The clock of this machine, and its uptime."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from domain.model.clock import Uptime
from server.adapters import clock
from server.adapters.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path


def test_the_uptime_is_of_this_boot_and_goes_on_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "boot_id").write_text("85c84d9a\n")
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "boot_id")
    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)
    monkeypatch.setattr(time, "clock_gettime", {7: 34.5}.__getitem__, raising=False)

    assert SystemClock().uptime() == Uptime(boot="85c84d9a", seconds=34.5)
    assert SystemClock().now().tzinfo is UTC
    assert SystemClock().now() <= datetime.now(UTC)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_machine_without_a_boot_id_tells_no_uptime(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "boot_id").write_bytes(content)
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "boot_id")

    assert SystemClock().uptime() is None


def test_a_machine_without_such_a_clock_tells_no_uptime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)

    assert SystemClock().uptime() is None
