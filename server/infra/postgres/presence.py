"""Whether a server runs on a database, and which: locks that a session of each holds.

One lock is shared by all of them, another is each one's own.
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
_SHOWN: Final = b"select pg_advisory_lock_shared(1684368495, 5)"
_OWN: Final = b"select pg_advisory_lock_shared(%s)"
_NOBODY: Final = b"select pg_try_advisory_xact_lock(1684368495, 5)"
# Looked at rather than tried: two who look do not take each other for the server.
_HELD: Final = b"""
select 1 from pg_locks where locktype = 'advisory' and granted and objsubid = 1
and database = (select oid from pg_database where datname = current_database())
and classid = %s::oid and objid = %s::oid
"""


@dataclass(frozen=True, slots=True)
class ServerPresence:
    """This process, as others see it: an id that is never used again, and whether it has been shown once."""

    owner: str
    held: threading.Event

    def wait_until_held(self, seconds: float) -> bool:
        """Wait until it is shown, at most that long; blocks."""
        return self.held.wait(seconds)


@contextmanager
def hold_database_presence(address: PostgresAddress, every_s: float = _EVERY_S) -> Iterator[ServerPresence]:
    """Be known as a server of this database, beside others, whenever it can be reached.

    A thread sees to it: a server begins to answer without waiting for its database.
    """
    over = threading.Event()
    shown = ServerPresence(uuid4().hex, threading.Event())
    thread = threading.Thread(
        target=_hold_locks, args=(address, every_s, over, shown), name="presence", daemon=True
    )
    thread.start()
    try:
        yield shown
    finally:
        over.set()
        thread.join()


def is_server_on_database(address: PostgresAddress) -> bool:
    """Whether at least one server runs there. Raises StoreFailedError."""
    row = _query_row(address, _NOBODY)
    return row is None or not row[0]


def is_replica_alive(address: PostgresAddress, owner: str) -> bool:
    """Whether the server of that id runs there. Raises StoreFailedError."""
    return _query_row(address, _HELD, *divmod(_lock_key(owner) % (1 << 64), 1 << 32)) is not None


def _query_row(address: PostgresAddress, question: bytes, *values: int) -> tuple[Any, ...] | None:
    try:
        with address.connect() as connection:
            return connection.execute(question, values).fetchone()
    except psycopg.Error as error:
        meaning = interpret_connection_error(error, address)
        raise StoreFailedError(
            f"The store {address.name} failed: {meaning.why}.", recovery=meaning.recovery
        ) from error


def _lock_key(owner: str) -> int:
    """The number of a lock: half of an id that is random."""
    return int.from_bytes(bytes.fromhex(owner[:16]), "big", signed=True)


def _hold_locks(
    address: PostgresAddress, every_s: float, over: threading.Event, shown: ServerPresence
) -> None:
    session: Plain | None = None
    while True:
        try:
            if session is None:
                session = address.connect()
                session.execute(_SHOWN)
                session.execute(_OWN, [_lock_key(shown.owner)])
                shown.held.set()
            else:
                session.execute(b"select 1")
        except psycopg.Error:  # it is away, or was: the next turn connects again
            if session:
                session.close()
            session = None
        if over.wait(every_s):
            break
    if session:
        with suppress(psycopg.Error):  # the server would notice the end of the session a little later
            session.execute(b"select pg_advisory_unlock_all()")
        session.close()
