"""What tells whether a saga could be started, and how the saga engine logs."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from dbos._logger import init_logger

from domain.errors import StoreUnavailableError
from server.adapters.engine import engine as durable
from server.adapters.engine.engine import DurableEngine
from server.adapters.engine.sqlite_journal import SqliteJournal
from server.infra.logging import configure_logging
from tests.support.plain_logging import log_plainly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server.infra.postgres.dsn import PostgresAddress


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    root, engine = logging.getLogger(), logging.getLogger("dbos")
    before = root.handlers[:], root.level, engine.handlers[:], engine.propagate, engine.level
    yield
    root.handlers, level, engine.handlers, engine.propagate, engine_level = before
    root.setLevel(level)
    engine.setLevel(engine_level)
    log_plainly()


async def test_an_engine_whose_database_takes_something_is_ready(
    engine_location: Path | PostgresAddress,
) -> None:
    async with DurableEngine(engine_location, {}) as engine:
        await engine.probe()
        await engine.launch()
        await engine.probe()


async def test_an_engine_that_was_never_launched_makes_no_database(tmp_path: Path) -> None:
    async with DurableEngine(tmp_path, {}) as engine:
        await engine.probe()
    assert not (tmp_path / "engine.sqlite").exists()


async def test_an_engine_whose_database_takes_nothing_is_not_ready_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "_PROBED_S", 0.0)
    SqliteJournal(tmp_path / "engine.sqlite").prepare()
    async with DurableEngine(tmp_path, {}) as engine:
        with closing(sqlite3.connect(tmp_path / "engine.sqlite", isolation_level=None)) as other:
            monkeypatch.setattr("server.adapters.engine.sqlite_journal._BUSY_S", 0.01)
            other.execute("begin immediate")
            with pytest.raises(StoreUnavailableError, match="another process was writing to it for too long"):
                await engine.probe()
            other.execute("rollback")
        await engine.probe()


@pytest.mark.usefixtures("logging_as_before")
def test_the_saga_engine_logs_in_our_format_with_its_count(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    init_logger()
    logging.getLogger("dbos").warning("counted", extra={"repeated": 7})
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["event"], line["logger"], line["repeated"]) == ("counted", "dbos", 7)


@pytest.mark.usefixtures("logging_as_before")
def test_trouble_of_the_engines_database_is_one_line_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging()
    full_disk = sqlite3.OperationalError("database or disk is full\n[SQL: INSERT INTO secrets]")
    logging.getLogger("dbos").warning("Fallback notification poll failed", exc_info=full_disk)
    logging.getLogger("dbos").warning("Another poll failed", exc_info=ValueError("a bug"))
    full, bug = map(json.loads, capsys.readouterr().err.splitlines())
    assert (full["cause"], "exception" in full) == ("database or disk is full", False)
    assert "ValueError: a bug" in bug["exception"]
