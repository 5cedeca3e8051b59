"""PostgreSQL addresses: parse a URL, and connect without showing the password."""

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
        raise ValueError(_UNREADABLE) from None
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
