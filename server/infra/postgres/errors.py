"""What PostgreSQL's errors mean, and whether waiting helps."""

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
    "0A": ("it lacks something that is needed", Recovery.NEEDS_HUMAN),
    "25006": ("it is read-only", Recovery.NEEDS_HUMAN),
    "25P03": ("this process stood still inside a transaction and was cut off", Recovery.WAIT),
    "28": ("it refuses this user or password", Recovery.NEEDS_HUMAN),
    "3D": ("there is no such database", Recovery.NEEDS_HUMAN),
    "40": ("others were writing at the same time, again and again", Recovery.WAIT),
    "42501": ("its user lacks a right that is needed", Recovery.NEEDS_HUMAN),
    "53": ("it has no connection or memory to spare", Recovery.WAIT),
    "53100": ("its disk is full", Recovery.NEEDS_HUMAN),
    "55P03": ("another process was writing to it for too long", Recovery.WAIT),
    "57": ("it is shutting down or starting up", Recovery.WAIT),
    "57014": ("it cancelled the statement", Recovery.WAIT),
    "58": ("its disk could not be read or written", Recovery.NEEDS_HUMAN),
    "XX001": ("its data are damaged", Recovery.NEEDS_HUMAN),
    "XX002": ("its data are damaged", Recovery.NEEDS_HUMAN),
}


# A connection that is refused carries no code (libpq keeps it to itself), only words, in the server's language.
_REFUSED: Final = (
    (re.compile(r"database .* does not exist"), ("there is no such database", Recovery.NEEDS_HUMAN)),
    (re.compile(r"permission denied for database"), ("its user may not connect", Recovery.NEEDS_HUMAN)),
    (
        re.compile(r"password|authentication|pg_hba\.conf|role .* (does not exist|is not permitted)"),
        _MEANING["28"],
    ),
    (
        re.compile(r"SSL|certificate|sslmode|ssl", re.ASCII),
        ("no encrypted connection came about", Recovery.NEEDS_HUMAN),
    ),
    (re.compile(r"too many (clients|connections)|remaining connection slots"), _MEANING["53"]),
    (re.compile(r"is (starting up|shutting down|in recovery mode|not yet accepting)"), _MEANING["57"]),
)


@dataclass(frozen=True, slots=True)
class ErrorMeaning:
    """What is wrong, as the end of a sentence, and what helps.

    `away` says that it is wrong with the database as a whole, and not with what was asked of it.
    """

    why: str
    recovery: Recovery
    unavailable: bool = True


def interpret_error(error: psycopg.Error) -> ErrorMeaning:
    """What an error of a connection that stands, or stood, means."""
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
    """What it means that no connection came about, with what libpq says of it, in one line."""
    said = (
        " ".join(str(error).split()).removeprefix("connection failed: ").removeprefix("connection is bad: ")
    )
    said = re.sub(r"^connection to server .*? failed: ", "", said)
    if address.password:
        said = said.replace(address.password, "…")
    asked = error.pgconn is not None and (error.pgconn.used_password or error.pgconn.needs_password)
    for pattern, (why, recovery) in _REFUSED:
        if pattern.search(said):
            return ErrorMeaning(f"{why} ({said})", recovery)
    if asked:  # it was reached, and said no in another language
        return ErrorMeaning(f"{_MEANING['28'][0]} ({said})", Recovery.NEEDS_HUMAN)
    return ErrorMeaning(f"it cannot be reached ({said})", Recovery.WAIT)
