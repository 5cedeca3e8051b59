"""PostgreSQL addresses: parse a URL, and connect without showing the password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

if TYPE_CHECKING:
    from typing import Any

SCHEMES: Final = frozenset({"postgresql", "postgres"})
_FORM: Final = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_UNREADABLE: Final = (
    f"cannot be read as {_FORM}: write characters such as @ : / # % in a password as %40 and so on"
)
_PARAMETER: Final = re.compile("[a-z_]{1,40}")

# With these, either side notices within half a minute that the other is gone. The URL may set other values.
_DEFAULTS: Final = {
    "application_name": "dataset-lifecycle",
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """The address of a database. `name` contains no secret; `conninfo`, in libpq's form, contains the password."""

    name: str
    conninfo: str = field(repr=False)
    password: str | None = field(repr=False, default=None)

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection in autocommit mode. Raises psycopg.Error."""
        return psycopg.connect(self.conninfo, autocommit=True)


def parse_postgres_url(url: str) -> PostgresAddress:
    """The address in a URL (https://www.postgresql.org/docs/current/libpq-connect.html).

    Raises ValueError that says what is wrong and never repeats the URL.
    """
    if url.partition("://")[0] not in SCHEMES or "\0" in url:
        raise ValueError(f"must be {_FORM}")
    try:
        parameters = conninfo_to_dict(url)
    except psycopg.Error:  # its message may contain the password
        raise ValueError(_describe_unknown_parameter(url) or _UNREADABLE) from None
    # libpq ends the password at the first @ and begins the database at the first /, so with an unescaped one a part of
    # the password is host or database, which messages show.
    if "/" in url.partition("?")[0].partition("://")[2].rpartition("@")[0] or any(
        "@" in str(parameters.get(each) or "") for each in ("host", "hostaddr", "dbname", "port")
    ):
        raise ValueError(_UNREADABLE)
    database = parameters.get("dbname")
    if not database:
        raise ValueError(f"must name the database: {_FORM}")
    port = str(parameters.get("port") or "")
    if not re.fullmatch(r"(\d{1,5}(,\d{1,5})*)?", port):
        raise ValueError(f"must have a number for its port: {_FORM}")
    password = parameters.get("password")
    return PostgresAddress(
        name=f"postgresql://{parameters.get('host') or ''}{port and f':{port}'}/{database}",
        conninfo=make_conninfo("", **{**_DEFAULTS, "client_encoding": "utf8", **parameters}),
        password=None if password is None else str(password),
    )


def _describe_unknown_parameter(url: str) -> str | None:
    """What is wrong with the parameters behind the `?`; None where it is something else.

    Before an `@`, what looks like a parameter may be a part of the password, and is not repeated.
    """
    before, _, query = url.partition("?")
    given = [each.partition("=")[0] for each in query.split("&")]
    if "@" in query or not all(map(_PARAMETER.fullmatch, given)):
        return None
    known = [each.keyword.decode() for each in Conninfo.get_defaults()]
    unknown = next((each for each in given if each not in known), None)
    try:
        conninfo_to_dict(before)
    except psycopg.Error:
        return None
    if unknown is None:
        return None
    near = get_close_matches(unknown, known, 1)
    meant = f"; {near[0]!r} may be meant" if near else ""
    return f"has the parameter {unknown!r}, which PostgreSQL's client library does not know{meant}"
