from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from domain.errors import Recovery
from server.infra.postgres.dsn import parse_postgres_url
from server.infra.postgres.errors import interpret_connection_error, interpret_error


@pytest.mark.parametrize(
    ("error", "says", "recovery"),
    [
        (errors.DiskFull(), "its disk is full", Recovery.NEEDS_HUMAN),
        (errors.TooManyConnections(), "out of connections or memory", Recovery.WAIT),
        (errors.OutOfMemory(), "out of connections or memory", Recovery.WAIT),
        (errors.AdminShutdown(), "shutting down or starting up", Recovery.WAIT),
        (errors.CannotConnectNow(), "shutting down or starting up", Recovery.WAIT),
        (errors.QueryCanceled(), "cancelled the statement", Recovery.WAIT),
        (errors.InvalidPassword(), "refuses this user or password", Recovery.NEEDS_HUMAN),
        (errors.InvalidCatalogName(), "no such database", Recovery.NEEDS_HUMAN),
        (errors.ReadOnlySqlTransaction(), "it is read-only", Recovery.NEEDS_HUMAN),
        (errors.IoError(), "its disk could not be read or written", Recovery.NEEDS_HUMAN),
        (errors.DataCorrupted(), "its data are damaged", Recovery.NEEDS_HUMAN),
        (errors.ConnectionFailure(), "the connection was lost", Recovery.WAIT),
        (psycopg.OperationalError("server closed the connection"), "the connection was lost", Recovery.WAIT),
        (errors.SyntaxError(), "PostgreSQL reports SyntaxError (42601)", Recovery.NEEDS_HUMAN),
        (psycopg.ProgrammingError("x"), "its driver reports ProgrammingError", Recovery.NEEDS_HUMAN),
    ],
)
def test_every_error_says_whether_waiting_helps(error: psycopg.Error, says: str, recovery: Recovery) -> None:
    meaning = interpret_error(error)

    assert says in meaning.why
    assert meaning.recovery is recovery
    assert meaning.unavailable is ("reports" not in meaning.why)


@pytest.mark.parametrize(
    ("said", "says", "recovery"),
    [
        ('FATAL:  password authentication failed for user "kim"', "refuses this user", Recovery.NEEDS_HUMAN),
        ("fe_sendauth: no password supplied", "refuses this user", Recovery.NEEDS_HUMAN),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "refuses this user", Recovery.NEEDS_HUMAN),
        ('FATAL:  role "kim" does not exist', "refuses this user", Recovery.NEEDS_HUMAN),
        ('FATAL:  database "sets" does not exist', "no such database", Recovery.NEEDS_HUMAN),
        ('FATAL:  permission denied for database "sets"', "may not connect", Recovery.NEEDS_HUMAN),
        (
            "server does not support SSL, but SSL was required",
            "no encrypted connection",
            Recovery.NEEDS_HUMAN,
        ),
        ("SSL error: certificate verify failed", "no encrypted connection", Recovery.NEEDS_HUMAN),
        ("FATAL:  sorry, too many clients already", "out of connections or memory", Recovery.WAIT),
        ("FATAL:  the database system is starting up", "starting up", Recovery.WAIT),
        ("Connection refused", "it cannot be reached (Connection refused)", Recovery.WAIT),
        ("connection timeout expired", "it cannot be reached", Recovery.WAIT),
    ],
)
def test_a_refused_connection_says_what_to_do_about_it(said: str, says: str, recovery: Recovery) -> None:
    error = psycopg.OperationalError(
        f'connection failed: connection to server at "10.0.0.1", port 5432 failed: {said} and s3cret'
    )

    meaning = interpret_connection_error(error, parse_postgres_url("postgresql://kim:s3cret@db/sets"))

    assert says.rstrip(")") in meaning.why
    assert meaning.recovery is recovery
    assert "s3cret" not in meaning.why
    assert '10.0.0.1", port' not in meaning.why
