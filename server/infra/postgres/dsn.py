"""Where a PostgreSQL database is, and connections to it. The password stays inside."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

if TYPE_CHECKING:
    from typing import Any

SCHEMES: Final = frozenset({"postgresql", "postgres"})
_FORM: Final = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_UNREADABLE: Final = (
    f"cannot be read as {_FORM}: write characters such as @ : / # % in a password as %40 and so on"
)


# A server or network that is gone is noticed within half a minute, in either direction; the URL may say otherwise.
_USUAL: Final = {
    "application_name": "dataset-lifecycle",
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A database. `name` may be shown to anybody; `conninfo`, in libpq's form, holds the password if there is one."""

    name: str
    conninfo: str = field(repr=False)
    password: str | None = field(repr=False, default=None)

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection that begins and ends its transactions itself. Raises psycopg.Error."""
        return psycopg.connect(self.conninfo, autocommit=True)


def parse_postgres_url(url: str) -> PostgresAddress:
    """The address in a URL, as https://www.postgresql.org/docs/current/libpq-connect.html has it.

    Raises ValueError saying what is wrong, never repeating the URL.
    """
    if url.partition("://")[0] not in SCHEMES or "\0" in url:
        raise ValueError(f"must be {_FORM}")
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:  # its message may hold the password
        raise ValueError(_UNREADABLE) from None
    if "/" in url.partition("?")[0].partition("://")[2].rpartition("@")[0]:
        raise ValueError(_UNREADABLE)  # what libpq takes for a host and a database is half a password
    database = given.get("dbname")
    if not database:
        raise ValueError(f"must name the database: {_FORM}")
    port = str(given.get("port") or "")
    if not re.fullmatch(r"(\d{1,5}(,\d{1,5})*)?", port):
        raise ValueError(f"must have a number for its port: {_FORM}")
    password = given.get("password")
    return PostgresAddress(
        name=f"postgresql://{given.get('host') or ''}{port and f':{port}'}/{database}",
        conninfo=make_conninfo("", **{**_USUAL, "client_encoding": "utf8", **given}),
        password=None if password is None else str(password),
    )
