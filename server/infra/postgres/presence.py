"""Presence of servers on a database: each server holds two advisory locks in a session.

All servers share one of the locks; the other belongs to one server alone.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import psycopg

from domain.errors import StoreFailedError
from server.infra.postgres.errors import interpret_connection_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.infra.postgres.dsn import PostgresAddress

    Plain = psycopg.Connection[tuple[Any, ...]]

_EVERY_S: Final = 5.0
_LOCK_SHARED: Final = b"select pg_advisory_lock_shared(1684368495, 5)"
_LOCK_OWN: Final = b"select pg_advisory_lock_shared(%s)"
_TRY_EXCLUSIVE: Final = b"select pg_try_advisory_xact_lock(1684368495, 5)"
# The lock is looked up and not tried: two observers must not take each other for the server.
_FIND_OWN: Final = b"""
select 1 from pg_locks where locktype = 'advisory' and granted and objsubid = 1
and database = (select oid from pg_database where datname = current_database())
and classid = %s::oid and objid = %s::oid
"""


@dataclass(frozen=True, slots=True)
class ServerPresence:
    """The presence of this server: an id that is never used again, and an event that is set once its locks are held."""

    owner: str
    held: threading.Event

    def wait_until_held(self, seconds: float) -> bool:
        """Wait until the locks were acquired once, at most `seconds`; False when they were not. Blocks."""
        return self.held.wait(seconds)


@contextmanager
def hold_database_presence(address: PostgresAddress, every_s: float = _EVERY_S) -> Iterator[ServerPresence]:
    """Hold the locks of a server of this database, whenever the database can be reached.

    A thread does this, so that a server can begin to answer without waiting for its database.
    """
    stopping = threading.Event()
    presence = ServerPresence(uuid4().hex, threading.Event())
    thread = threading.Thread(
        target=_hold_locks, args=(address, every_s, stopping, presence), name="presence", daemon=True
    )
    thread.start()
    try:
        yield presence
    finally:
        stopping.set()
        thread.join()


def is_server_on_database(address: PostgresAddress) -> bool:
    """Whether at least one server runs on the database. Raises StoreFailedError."""
    # The exclusive lock is granted only when no server holds the shared one.
    row = _query_row(address, _TRY_EXCLUSIVE)
    return row is None or not row[0]


def is_replica_alive(address: PostgresAddress, owner: str) -> bool:
    """Whether the server of that id runs on the database. Raises StoreFailedError."""
    return _query_row(address, _FIND_OWN, *divmod(_lock_key(owner) % (1 << 64), 1 << 32)) is not None


def _query_row(address: PostgresAddress, query: bytes, *values: int) -> tuple[Any, ...] | None:
    try:
        with address.connect() as connection:
            return connection.execute(query, values).fetchone()
    except psycopg.Error as error:
        meaning = interpret_connection_error(error, address)
        raise StoreFailedError(
            f"The store {address.name} failed: {meaning.why}.", recovery=meaning.recovery
        ) from error


def _lock_key(owner: str) -> int:
    """The key of a server's own lock: the first 64 bits of its random id."""
    return int.from_bytes(bytes.fromhex(owner[:16]), "big", signed=True)


def _hold_locks(
    address: PostgresAddress, every_s: float, stopping: threading.Event, presence: ServerPresence
) -> None:
    session: Plain | None = None
    while True:
        try:
            if session is None:
                session = address.connect()
                session.execute(_LOCK_SHARED)
                session.execute(_LOCK_OWN, [_lock_key(presence.owner)])
                presence.held.set()
            else:
                session.execute(b"select 1")
        except psycopg.Error:  # the database is unavailable, or was: the next round connects again
            if session:
                session.close()
            session = None
        if stopping.wait(every_s):
            break
    if session:
        with suppress(psycopg.Error):  # the database frees the locks when the session ends
            session.execute(b"select pg_advisory_unlock_all()")
        session.close()
