"""Meaning of PostgreSQL's errors: the cause in words, and whether waiting helps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg

from domain.errors import Recovery

if TYPE_CHECKING:
    from server.infra.postgres.dsn import PostgresAddress

# Codes and their classes, https://www.postgresql.org/docs/current/errcodes-appendix.html; the longest match counts.
_MEANING: Final = {
    "08": ("the connection was lost", Recovery.WAIT),
    "0A": ("it lacks a feature that is needed", Recovery.NEEDS_HUMAN),
    "25006": ("it is read-only", Recovery.NEEDS_HUMAN),
    "25P03": ("this process stopped inside a transaction and was disconnected", Recovery.WAIT),
    "28": ("it refuses this user or password", Recovery.NEEDS_HUMAN),
    "3D": ("there is no such database", Recovery.NEEDS_HUMAN),
    "40": ("other processes were writing at the same time, again and again", Recovery.WAIT),
    "42501": ("its user lacks a permission that is needed", Recovery.NEEDS_HUMAN),
    "53": ("it is out of connections or memory", Recovery.WAIT),
    "53100": ("its disk is full", Recovery.NEEDS_HUMAN),
    "55P03": ("another process was writing to it for too long", Recovery.WAIT),
    "57": ("it is shutting down or starting up", Recovery.WAIT),
    "57014": ("it cancelled the statement", Recovery.WAIT),
    "58": ("its disk could not be read or written", Recovery.NEEDS_HUMAN),
    "XX001": ("its data are damaged", Recovery.NEEDS_HUMAN),
    "XX002": ("its data are damaged", Recovery.NEEDS_HUMAN),
}


# libpq gives no code for a refused connection, only a text in the server's language.
_REFUSED: Final = (
    (re.compile(r"database .* does not exist"), ("there is no such database", Recovery.NEEDS_HUMAN)),
    (re.compile(r"permission denied for database"), ("its user may not connect", Recovery.NEEDS_HUMAN)),
    (
        re.compile(r"password|authentication|pg_hba\.conf|role .* (does not exist|is not permitted)"),
        _MEANING["28"],
    ),
    (
        re.compile(r"SSL|certificate|sslmode|ssl", re.ASCII),
        ("no encrypted connection could be made", Recovery.NEEDS_HUMAN),
    ),
    (re.compile(r"too many (clients|connections)|remaining connection slots"), _MEANING["53"]),
    (re.compile(r"is (starting up|shutting down|in recovery mode|not yet accepting)"), _MEANING["57"]),
)


@dataclass(frozen=True, slots=True)
class ErrorMeaning:
    """The cause of an error, as the end of a sentence, and the recovery.

    `unavailable` means that the database as a whole has the problem, and not the statement.
    """

    why: str
    recovery: Recovery
    unavailable: bool = True


def interpret_error(error: psycopg.Error) -> ErrorMeaning:
    """The meaning of an error on an established connection."""
    code = error.sqlstate
    if code is None:
        if isinstance(error, psycopg.OperationalError):
            return ErrorMeaning(*_MEANING["08"])
        return ErrorMeaning(
            f"its driver reports {type(error).__name__}", Recovery.NEEDS_HUMAN, unavailable=False
        )
    for known in (code, code[:2]):
        if known in _MEANING:
            return ErrorMeaning(*_MEANING[known])
    return ErrorMeaning(
        f"PostgreSQL reports {type(error).__name__} ({code})", Recovery.NEEDS_HUMAN, unavailable=False
    )


def interpret_connection_error(error: psycopg.Error, address: PostgresAddress) -> ErrorMeaning:
    """The meaning of a failed connection, with libpq's own message in one line and without the password."""
    message = (
        " ".join(str(error).split()).removeprefix("connection failed: ").removeprefix("connection is bad: ")
    )
    message = re.sub(r"^connection to server .*? failed: ", "", message)
    if address.password:
        message = message.replace(address.password, "…")
    password_was_asked = error.pgconn is not None and (
        error.pgconn.used_password or error.pgconn.needs_password
    )
    for pattern, (why, recovery) in _REFUSED:
        if pattern.search(message):
            return ErrorMeaning(f"{why} ({message})", recovery)
    if password_was_asked:  # the server was reached, and refused in another language
        return ErrorMeaning(f"{_MEANING['28'][0]} ({message})", Recovery.NEEDS_HUMAN)
    return ErrorMeaning(f"it cannot be reached ({message})", Recovery.WAIT)
