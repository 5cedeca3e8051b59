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
from server.postgres.failures import refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.postgres.address import Address

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
class Shown:
    """This process, as others see it: an id that is never used again, and whether it has been shown once."""

    owner: str
    held: threading.Event

    def wait(self, seconds: float) -> bool:
        """Wait until it is shown, at most that long; blocks."""
        return self.held.wait(seconds)


@contextmanager
def present(address: Address, every_s: float = _EVERY_S) -> Iterator[Shown]:
    """Be known as a server of this database, beside others, whenever it can be reached.

    A thread sees to it: a server begins to answer without waiting for its database.
    """
    over = threading.Event()
    shown = Shown(uuid4().hex, threading.Event())
    thread = threading.Thread(
        target=_stay, args=(address, every_s, over, shown), name="presence", daemon=True
    )
    thread.start()
    try:
        yield shown
    finally:
        over.set()
        thread.join()


def anybody(address: Address) -> bool:
    """Whether at least one server runs there. Raises StoreFailedError."""
    row = _asked(address, _NOBODY)
    return row is None or not row[0]


def lives(address: Address, owner: str) -> bool:
    """Whether the server of that id runs there. Raises StoreFailedError."""
    return _asked(address, _HELD, *divmod(_key(owner) % (1 << 64), 1 << 32)) is not None


def _asked(address: Address, question: bytes, *values: int) -> tuple[Any, ...] | None:
    try:
        with address.connect() as connection:
            return connection.execute(question, values).fetchone()
    except psycopg.Error as error:
        meaning = refusal_of(error, address)
        raise StoreFailedError(
            f"The store {address.name} failed: {meaning.why}.", recovery=meaning.recovery
        ) from error


def _key(owner: str) -> int:
    """The number of a lock: half of an id that is random."""
    return int.from_bytes(bytes.fromhex(owner[:16]), "big", signed=True)


def _stay(address: Address, every_s: float, over: threading.Event, shown: Shown) -> None:
    session: Plain | None = None
    while True:
        try:
            if session is None:
                session = address.connect()
                session.execute(_SHOWN)
                session.execute(_OWN, [_key(shown.owner)])
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
