from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from domain.errors import PlatformUnavailableError
from domain.governance.schedules import ScheduleService
from server.adapters.store.sqlite.store import SqliteStore
from tests.support.entities import NOW, ManualClock

if TYPE_CHECKING:
    from domain.ports.engine import Json
    from tests.support.servers.command_line import CommandLine


async def _scan_result(_: str) -> Json:
    return {"seen": 3, "marked": 0, "put_again": 2}


async def _away(_: str) -> Json:
    raise PlatformUnavailableError("Glean is away.")


def test_schedules_are_listed_with_what_came_of_them(command_line: CommandLine) -> None:
    listed = command_line.run_json("schedules", "list")
    assert [(each["name"], each["when"]) for each in listed["items"]] == [
        ("health", "every minute"),
        ("orphan_scan", "daily at 03:00 UTC"),
        ("orphan_sweep", "daily at 03:30 UTC"),
        ("archive_retention", "daily at 04:00 UTC"),
        ("event_redelivery", "daily at 04:30 UTC"),
        ("workflow_purge", "daily at 05:00 UTC"),
        ("refresh", "off"),
    ]

    async def turns() -> None:
        async with SqliteStore(command_line.folder / "store.db") as store:
            schedules = ScheduleService(store, ManualClock(NOW), [])
            await schedules.run_job("orphan_scan", "2026-03-01", _scan_result)
            await schedules.run_job("health", "2026-03-01T12:00", _away)

    anyio.run(turns)
    health, scan, *_ = command_line.run_json("schedules", "list")["items"]
    assert scan["last"] == {
        "tick": "2026-03-01",
        "began_at": "2026-03-01T12:00:00Z",
        "ended_at": "2026-03-01T12:00:00Z",
        "outcome": "done",
        "told": {"seen": 3, "marked": 0, "put_again": 2},
    }
    assert (health["last"]["outcome"], health["last"]["error"]["code"]) == ("failed", "platform_unavailable")
    shown = command_line.run_ok("schedules", "list")
    assert "3 seen, 2 put again" in shown
    assert "Glean is away." in shown
