"""What `doctor` says of the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.model.clock import ClockDisagreement, ClockReading, ClockRecord, Uptime
from domain.policy.clocks import ORPHAN_SCAN_CLOCK
from server.adapters.clock import SystemClock
from server.adapters.store.sqlite.store import SqliteStore
from server.composition.diagnostics import run_doctor
from server.doctor.clock import find_clock_problem
from server.doctor.report import Finding
from server.settings import load_settings
from tests.support.entities import NOW

if TYPE_CHECKING:
    from pathlib import Path

DAY = timedelta(days=1)
READING = ClockReading(at=NOW, uptime=Uptime(boot="a", seconds=90_000.0))
RECORD = ClockRecord(
    latest=NOW - DAY, last=ClockReading(at=NOW - DAY, uptime=Uptime(boot="a", seconds=3_600.0))
)
OFF = ClockDisagreement(clock_s=30 * 86_400.0, uptime_s=34.0)


@pytest.mark.parametrize(
    ("record", "reading", "sound", "warning", "told"),
    [
        (RECORD, READING, True, False, "agrees with the machine's uptime since the scan of orphans at 2026-02-28"),
        (None, READING, True, False, "no scan of orphans since this machine was started"),
        (RECORD, replace(READING, uptime=Uptime(boot="b", seconds=1.0)), True, False, "nothing to compare"),
        (replace(RECORD, last=replace(RECORD.last, uptime=None)), READING, True, False, "nothing to compare"),
        (RECORD, replace(READING, uptime=None), True, False, "this machine tells no uptime"),
        (replace(RECORD, disagreement=OFF), READING, False, False, "moved by 30 days, and its uptime by 34 seconds"),
        (RECORD, replace(READING, at=NOW + DAY), False, False, "moved by 2 days, and its uptime by 24 hours"),
        (replace(RECORD, latest=NOW + 30 * DAY), READING, True, True, "a scan has seen 2026-03-31"),
    ],
)  # fmt: skip
async def test_the_clock_is_told_with_what_the_scans_have_seen_of_it(
    tmp_path: Path,
    record: ClockRecord | None,
    reading: ClockReading,
    told: str,
    *,
    sound: bool,
    warning: bool,
) -> None:
    async with SqliteStore(tmp_path / "store.sqlite") as store:
        await store.transact(lambda uow: uow.settings.put(ORPHAN_SCAN_CLOCK, record))
        found = await store.read(lambda uow: find_clock_problem(uow, reading))

    assert (found.area, found.ok, found.warning) == ("clock", sound, warning)
    assert told in found.message
    assert bool(found.action) == (warning or not sound)


async def test_doctor_has_a_line_for_the_clock_where_there_is_a_store(tmp_path: Path) -> None:
    settings = load_settings({}, None, tmp_path / "data")
    without = await run_doctor(settings)
    settings.data_dir.mkdir(exist_ok=True)
    async with SqliteStore(settings.store_path) as store:
        wrong = ClockRecord(
            latest=NOW, last=ClockReading(at=SystemClock().now(), uptime=None), disagreement=OFF
        )
        await store.transact(lambda uow: uow.settings.put(ORPHAN_SCAN_CLOCK, wrong))
    [line] = [each for each in await run_doctor(settings) if each.area == "clock"]

    assert [each for each in without if each.area == "clock"] == []
    assert isinstance(line, Finding)
    assert not line.ok
