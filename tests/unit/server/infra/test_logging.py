"""Where logs go."""

from __future__ import annotations

import io
import json
import logging
import sqlite3
from typing import TYPE_CHECKING

import pytest
import structlog

from server.infra.logging import RepetitionFilter, configure_logging, silence_store_trouble
from tests.support.content.hostile_text import HOSTILE, unprintable_output
from tests.support.plain_logging import log_plainly

if TYPE_CHECKING:
    from collections.abc import Iterator


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    chatty = {
        name: logging.getLogger(name).level for name in ("dbos", "httpx", "httpx2", "mcp", "uvicorn.access")
    }
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in chatty.items():
        logging.getLogger(name).setLevel(before)
    log_plainly()


def test_ours_and_theirs_become_json_lines_on_stderr_and_nothing_on_stdout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging()
    structlog.get_logger("ours").info("saga resumed", dataset_id="acme-1")
    logging.getLogger("theirs").warning("slow %s", "disk")
    logging.getLogger("mcp.server").info("request")
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = [json.loads(each) for each in printed.err.splitlines()]
    assert all(each.pop("timestamp").endswith("Z") for each in lines)
    assert lines == [
        {"event": "saga resumed", "dataset_id": "acme-1", "level": "info", "logger": "ours"},
        {"event": "slow disk", "level": "warning", "logger": "theirs"},
    ]


def test_at_the_lowest_level_only_our_own_loggers_are_talkative() -> None:
    stream = io.StringIO()
    configure_logging("DEBUG", stream=stream)
    logging.getLogger("server.cli").debug("ours")
    for name in ("httpcore.http11", "psycopg", "asyncio"):
        logging.getLogger(name).debug("headers=[(b'Authorization', b'Bearer key')]")
    assert [json.loads(each)["event"] for each in stream.getvalue().splitlines()] == ["ours"]


def test_an_exception_is_one_line_too() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        structlog.get_logger("ours").exception("it failed")
    (line,) = stream.getvalue().splitlines()
    assert "ZeroDivisionError" in json.loads(line)["exception"]


def test_a_person_at_a_terminal_reads_plain_lines() -> None:
    stream = Terminal()
    configure_logging("WARNING", stream=stream)
    structlog.get_logger("ours").info("not shown")
    structlog.get_logger("ours").warning("look here")
    assert "look here" in stream.getvalue()
    assert "not shown" not in stream.getvalue()
    assert not stream.getvalue().startswith("{")


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_no_log_line_has_more_than_printable_text(kind: type[io.StringIO]) -> None:
    stream = kind()
    configure_logging(stream=stream)
    try:
        int(HOSTILE)
    except ValueError:
        structlog.get_logger("ours").exception(HOSTILE, name=HOSTILE, names=[HOSTILE])
        logging.getLogger("theirs").exception("they said %s", HOSTILE)
    structlog.get_logger("ours").error("it failed", exc_info=ValueError(HOSTILE))
    assert "Ignore" in stream.getvalue()
    assert unprintable_output(stream.getvalue()) == set()


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_no_traceback_shows_the_values_of_variables(kind: type[io.StringIO]) -> None:
    def call_glean(secret: str) -> None:
        headers = {"Authorization": f"Bearer {secret}"}
        raise RuntimeError(len(headers))

    stream = kind()
    configure_logging("DEBUG", stream=stream)
    try:
        call_glean("planted canary".replace(" ", "-"))
    except RuntimeError:
        structlog.get_logger("ours").exception("it failed")
        logging.getLogger("theirs").exception("it failed there too")
    assert stream.getvalue().count("RuntimeError") >= 2
    assert "planted-canary" not in stream.getvalue()


def log_record(name: str, line: int, message: str, error: Exception | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    return logging.LogRecord(name, logging.WARNING, "file.py", line, message, None, info)


def test_what_anybody_can_cause_is_logged_once_a_minute() -> None:
    now = [0.0]
    unrepeated = RepetitionFilter(lambda: now[0])
    hosts = [log_record("server.web.own_site", 72, f"A request was refused: {each}") for each in "abc"]
    full = log_record("asyncio", 1, "socket.accept() out of system resource\nsocket: 7", OSError())
    other = log_record("asyncio", 1, "Task exception was never retrieved\nfuture: x", OSError())
    assert [unrepeated.filter(each) for each in (*hosts, full, full, other)] == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]
    now[0] = 60.0
    assert unrepeated.filter(hosts[0])


def test_trouble_of_the_saga_engine_is_logged_once_and_then_counted() -> None:
    now = [0.0]
    unrepeated = RepetitionFilter(lambda: now[0])

    def away(line: int = 614) -> logging.LogRecord:
        return log_record("dbos", line, f"Poller error: disk full\nat {line}", OSError())

    first, again, elsewhere = away(), away(615), log_record("dbos", 9, "Another workflow is stuck.")
    assert [unrepeated.filter(each) for each in (first, again, away(), elsewhere)] == [
        True,
        False,
        False,
        True,
    ]
    assert first.exc_info is not None
    now[0] = 60.0
    later = away()
    assert unrepeated.filter(later)
    assert (later.__dict__["repeated"], later.exc_info) == (2, None)
    now[0] = 120.0
    assert unrepeated.filter(last := away())
    assert "repeated" not in last.__dict__


def test_what_the_saga_engine_says_of_an_adopted_saga_is_nobodys_trouble(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging()
    engine = logging.getLogger("dbos")
    engine.warning("Workflow already exists in queue: provision, but the provided queue name is: None.")
    engine.warning("Workflow already exists with a different function name.")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == [
        "Workflow already exists with a different function name."
    ]


def test_a_terminal_is_spared_waits_for_the_store_but_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    silence_store_trouble()
    recovery = structlog.get_logger("server.workers.saga_recovery")
    recovery.warning("left_for_later", cause="The disk is full.", exc_info=False)
    logging.getLogger("dbos").error("Exception", exc_info=sqlite3.OperationalError("disk is full"))
    logging.getLogger("domain.lifecycle.sagas.store_retry").error("provision:d:1 waits: The disk is full.")
    recovery.warning("left_for_later", cause="a bug", exc_info=ValueError("a bug"))
    logging.getLogger("dbos").error("Exception", exc_info=ValueError("another bug"))
    logging.getLogger("theirs").warning("something else")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [each["event"] for each in lines] == ["left_for_later", "Exception", "something else"]
    assert lines[0]["cause"] == "a bug"


def test_ever_new_messages_are_forgotten() -> None:
    now = [0.0]
    unrepeated = RepetitionFilter(lambda: now[0])
    for number in range(1500):
        now[0] = number / 10
        assert unrepeated.filter(log_record("dbos", 1, f"workflow {number}"))
    assert len(vars(unrepeated)["_last"]) <= 1000


def test_a_fault_of_ours_is_logged_each_time_it_happens() -> None:
    unrepeated = RepetitionFilter(lambda: 0.0)
    ours = log_record("server.web.http", 1, "Serving ended because of an error.")
    fault = log_record("uvicorn.error", 1, "Exception in ASGI application", ValueError())
    assert [unrepeated.filter(each) for each in (ours, ours, fault, fault)] == [True] * 4
