"""`audit verify`: its memory on a short and a long log, and its time beside hashing the same entries and nothing else.

The log is filled as an import would, in one transaction, and sealed by the sealer. Run it as
`python -m tests.benchmarks.pipeline.bench_audit`.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import anyio

from domain.audit.entry import AuditEntry, Decision, canonical_json
from domain.audit.log import AuditLog
from domain.audit.sealer import AuditSealer
from server.adapters.store.sqlite.store import SqliteStore
from tests.benchmarks.measure import Goal, Row, alone, peak_mb
from tests.support.entities import NOW, ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

TIME_GOAL: Final = Goal(bound=10, at_most=True)
MEMORY_GOAL: Final = Goal(bound=1.2, at_most=True)
_FEW: Final = 10_000


def rows(*, quick: bool) -> list[Row]:
    """Verifying and sealing beside bare hashing, then the peak memory of a short and a long log."""
    many, rounds = (100_000, 1) if quick else (1_000_000, 3)
    with tempfile.TemporaryDirectory() as folder:
        few, long = Path(folder) / "few.db", Path(folder) / "many.db"
        anyio.run(_measure_sealing_s, few, _FEW)
        sealing = anyio.run(_measure_sealing_s, long, many)
        verifying, hashing = _time_both(long, rounds)
        small, large = (float(alone("pipeline.bench_audit", str(path))) for path in (few, long))
    return [
        _row(f"verify {many:,} entries", many, verifying, hashing, TIME_GOAL),
        _row(f"seal {many:,} entries", many, sealing, hashing, None),
        Row(
            what=f"peak memory, verify {many:,} entries",
            figure=f"{large:.0f} MB",
            beside=f"{_FEW:,} entries {small:.0f} MB",
            ratio=large / small,
            goal=MEMORY_GOAL,
        ),
    ]


def _documents(count: int) -> Iterator[tuple[str]]:
    for number in range(count):
        entry = AuditEntry(
            at=NOW + timedelta(seconds=number),
            audit_id=f"au-{number:012d}",
            principal="agent:bench",
            via="http",
            client="bench 1.0",
            verb="provision",
            arguments={
                "client_id": "acme",
                "journey_id": "q3",
                "stage": "sandbox",
                "dataset_type": "jira_issues",
            },
            decision=Decision.ALLOWED,
            outcome="answered",
            dataset_id=f"acme-sandbox-jira-{number % 1000:06d}",
            client_id="acme",
        )
        yield (canonical_json(entry),)


async def _measure_sealing_s(path: Path, count: int) -> float:
    """Fill a log and seal it: how long the sealing took."""
    async with SqliteStore(path) as store:
        with closing(sqlite3.connect(path)) as db, db:
            db.executemany("insert into audit (document) values (?)", _documents(count))
        began = time.perf_counter()
        assert await AuditSealer(store).seal() == count
        return time.perf_counter() - began


async def _verify_log(path: Path) -> None:
    async with SqliteStore(path) as store:
        found = await AuditLog(store, ManualClock(), AuditSealer(store)).verify()
        assert found.broken is None
        assert found.unsealed == 0


def _measure_hashing_s(path: Path) -> float:
    """What no verifying can do without, over documents that lie in memory already."""
    with closing(sqlite3.connect(path)) as db:
        documents = [each for (each,) in db.execute("select cast(document as blob) from audit order by seq")]
    began = time.perf_counter()
    held = ""
    for each in documents:
        held = sha256(held.encode() + each).hexdigest()
    return time.perf_counter() - began


def _time_both(path: Path, rounds: int) -> tuple[float, float]:
    ours, bare = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        anyio.run(_verify_log, path)
        ours.append(time.perf_counter() - began)
        bare.append(_measure_hashing_s(path))
    return median(ours), median(bare)


def _row(what: str, count: int, took: float, hashing: float, goal: Goal | None) -> Row:
    return Row(
        what=what,
        figure=f"{count / took / 1e3:,.0f} k/s",
        beside=f"bare hashing {count / hashing / 1e3:,.0f} k/s",
        ratio=took / hashing,
        goal=goal,
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        anyio.run(_verify_log, Path(sys.argv[1]))
        print(peak_mb())
    else:
        for row in rows(quick=False):
            print(f"{row.what:45} {row.figure:>10}  {row.beside:30} {row.ratio or 0:.2f}  goal {row.goal}")
