"""Whether a server runs on a database: a lock that a session of each holds, shared with the others."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import psycopg

from domain.errors import StoreFailedError
from server.postgres.failures import refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.postgres.address import Address

    Plain = psycopg.Connection[tuple[Any, ...]]

_EVERY_S: Final = 5.0
_SHOWN: Final = b"select pg_advisory_lock_shared(1684368495, 5)"
_NOBODY: Final = b"select pg_try_advisory_xact_lock(1684368495, 5)"


@contextmanager
def present(address: Address, every_s: float = _EVERY_S) -> Iterator[None]:
    """Be known as a server of this database, beside others, whenever it can be reached.

    A thread sees to it: a server begins to answer without waiting for its database.
    """
    over = threading.Event()
    thread = threading.Thread(target=_stay, args=(address, every_s, over), name="presence", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def anybody(address: Address) -> bool:
    """Whether at least one server runs there. Raises StoreFailedError."""
    try:
        with address.connect() as connection:
            row = connection.execute(_NOBODY).fetchone()
    except psycopg.Error as error:
        meaning = refusal_of(error, address)
        raise StoreFailedError(
            f"The store {address.name} failed: {meaning.why}.", recovery=meaning.recovery
        ) from error
    return row is None or not row[0]


def _stay(address: Address, every_s: float, over: threading.Event) -> None:
    session: Plain | None = None
    while True:
        try:
            if session is None:
                session = address.connect()
                session.execute(_SHOWN)
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
