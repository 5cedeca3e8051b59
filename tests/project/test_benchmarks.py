"""Facts about the benchmarks: they follow the code that they measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.store.bench_store import measure_store

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_orphan_benchmark_writes_rows_that_the_store_of_today_takes(tmp_path: Path) -> None:
    rows = await measure_store(tmp_path / "store.sqlite", size=2_000, rounds=1)
    assert [row.what.split(":")[0] for row in rows] == ["SQLite"] * 4
    assert all(row.ratio is not None and row.ratio > 0 for row in rows)
