"""How soon a survivor goes on with the sagas of a process that was killed, as shipped, on both databases."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import anyio

from tests.benchmarks.measure import Goal, Row
from tests.support.engines.adoption import measure_adoption
from tests.support.engines.processes import EngineProcesses
from tests.support.stores.postgres_server import run_postgres

if TYPE_CHECKING:
    from collections.abc import Sequence

KILLS: Final = 10
PROMISED_S: Final = 10
GOAL: Final = Goal(bound=1, at_most=True)


def rows(*, quick: bool) -> list[Row]:
    """A row for each database, by the slowest adoption."""
    kills = 2 if quick else KILLS
    with run_postgres() as server:
        return [
            _row("SQLite", _measure_adoption(kills, "")),
            _row("PostgreSQL", _measure_adoption(kills, server.create_database())),
        ]


def _measure_adoption(kills: int, url: str) -> Sequence[float]:
    with tempfile.TemporaryDirectory() as made:
        hosts = EngineProcesses(Path(made))
        if url:
            (hosts.folder / "url").write_text(url)
        with hosts.exits:
            try:
                return anyio.run(measure_adoption, hosts, kills)
            finally:
                for each in hosts.running:
                    each.kill()
                    each.communicate()


def _row(where: str, taken: Sequence[float]) -> Row:
    return Row(
        what=f"a dead process's saga goes on, {where}",
        figure=f"{median(taken):.1f} s, at most {max(taken):.1f} s of {len(taken)} kills",
        beside=f"promised {PROMISED_S} s",
        ratio=max(taken) / PROMISED_S,
        goal=GOAL,
    )
