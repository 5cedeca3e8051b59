"""Processes with an engine each, and what they did."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from server.adapters.engine.engine import _journal_at
from tests.support.engines.engine_location import engine_location_of
from tests.support.polling import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.adapters.engine.journal import Journal
    from server.infra.postgres.dsn import PostgresAddress
    from tests.support.stores.postgres_server import PostgresServer

_HOST = Path(__file__).with_name("engine_process.py")
_ROOT = Path(__file__).parents[3]


@dataclass
class EngineProcesses:
    """The processes on one folder."""

    folder: Path
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    exits: ExitStack = field(default_factory=ExitStack)
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def where(self) -> Path | PostgresAddress:
        """Where their engines meet."""
        return engine_location_of(self.folder)

    def open_journal(self) -> Journal:
        """The engine's database, seen from outside."""
        return _journal_at(self.where)

    def start_process(self, *arguments: str, die_at: str = "") -> subprocess.Popen[str]:
        process = self.exits.enter_context(
            subprocess.Popen(
                [sys.executable, "-W", "error", str(_HOST), str(self.folder), *arguments],
                env={**os.environ, **self.environ, "PYTHONPATH": str(_ROOT), "DIE_AT": die_at},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        self.running.append(process)
        return process

    async def wait_until_up(self, process: subprocess.Popen[str], mark: str = "up") -> None:
        await wait_for((self.folder / f"{mark}-{process.pid}").exists, 120)

    def set_mark(self, mark: str) -> None:
        (self.folder / mark).touch()

    def clear_mark(self, mark: str) -> None:
        (self.folder / mark).unlink(missing_ok=True)

    def read_effects(self) -> list[tuple[str, str, int]]:
        """Every effect so far: saga, step, process."""
        path = self.folder / "effects"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(saga, step, int(pid)) for saga, step, pid in (line.split() for line in lines)]

    def read_steps(self, saga_id: str) -> list[str]:
        return [step for saga, step, _pid in self.read_effects() if saga == saga_id]


@pytest.fixture(params=["sqlite", "postgres"])
def engine_processes(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[EngineProcesses]:
    """Starts processes, and ends those that are left."""
    started = EngineProcesses(tmp_path)
    if request.param == "postgres":
        cluster: PostgresServer = request.getfixturevalue("postgres")
        url = cluster.create_database(request.getfixturevalue("engine_template"))
        (tmp_path / "url").write_text(url)
        started.exits.callback(cluster.drop_database, url)
    with started.exits:
        yield started
        for each in started.running:
            each.kill()
            each.communicate()
