"""Which processes are alive, on PostgreSQL: each holds an advisory lock in a session that ends with it.

The session may end before its process, when the network or the server fails: then the lock is taken again at the next
look, and whoever finds it free in between waits a while before it believes in a death.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import psycopg

from domain.errors import SettingsError, StoreFailedError
from server.adapters.engine.postgres_journal import translate_database_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from server.infra.postgres.dsn import PostgresAddress

    Plain = psycopg.Connection[tuple[Any, ...]]

_ADOPTION_LOCK: Final = "1684368495, 4"


# A host that is gone without a word is noticed by the server in so many seconds, and its locks are free.
_KEEPALIVE_SETTINGS: Final = b"""
set tcp_keepalives_idle = 2; set tcp_keepalives_interval = 1; set tcp_keepalives_count = 3; set tcp_user_timeout = 5000
"""


@dataclass(frozen=True, slots=True)
class PostgresPresence:
    """This process, as others see it."""

    owner: str
    owners: PostgresLiveness

    def release(self) -> None:
        """Let others take over whatever this owner left. Nothing of it may run any more."""
        self.owners.unregister()


class PostgresLiveness:
    """The locks of one database. One process enters once; its methods may be called by any thread."""

    def __init__(
        self,
        address: PostgresAddress,
        *,
        dead_after_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Believe in a death when a lock has been free for that long."""
        self._address = address
        self._dead_after_s = dead_after_s
        self._monotonic = monotonic
        self._owner = ""
        self._session: Plain | None = None
        self._guard = threading.RLock()
        self._turn = threading.Lock()
        self._free_since: dict[str, float] = {}

    def register(self) -> PostgresPresence:
        """Show this process as alive, under a fresh id. Raises StoreFailedError, SettingsError."""
        self._owner = uuid4().hex
        with translate_database_errors(self._address, "cannot be reached"), self._guard:
            self._open_session()
            with self._address.connect() as other:
                kept = not _is_lock_free(other, self._owner)
        if not kept:
            self.unregister()
            raise SettingsError(
                f"The connections of {self._address.name} do not keep locks: a pooler hands one session to many.",
                field="store.url",
                suggested_action="Name the database itself, or a pooler in session mode.",
            )
        return PostgresPresence(self._owner, self)

    def renew(self) -> None:
        """See to it that the lock is still ours. Raises StoreFailedError while the database is away."""
        with translate_database_errors(self._address, "cannot be reached"), self._guard:
            self._ensure_session()

    def unregister(self) -> None:
        """Give the lock free."""
        with self._guard:
            self._owner = ""
            if self._session:
                with suppress(psycopg.Error):  # the server would notice the end of the session a little later
                    self._session.execute(b"select pg_advisory_unlock_all()")
                self._session.close()

    def is_alive(self, owner: str) -> bool:
        """Whether that owner's process lives, or may well."""
        if owner == self._owner:
            return True
        with translate_database_errors(self._address, "failed"), self._guard:
            free = _is_lock_free(self._ensure_session(), owner)
        now = self._monotonic()
        if not free:
            self._free_since.pop(owner, None)
            return True
        return now - self._free_since.setdefault(owner, now) < self._dead_after_s

    @contextmanager
    def adoption_lock(self) -> Iterator[bool]:
        """Be the only one who adopts on this database: False when somebody else is at it."""
        if not self._turn.acquire(blocking=False):
            yield False
            return
        try:
            alone = self._execute_lock_query(f"select pg_try_advisory_lock({_ADOPTION_LOCK})")
            try:
                yield alone
            finally:
                if alone:
                    with suppress(StoreFailedError):  # then the lock is gone with its session
                        self._execute_lock_query(f"select pg_advisory_unlock({_ADOPTION_LOCK})")
        finally:
            self._turn.release()

    def sweep(self) -> None:
        """Nothing is left of the dead here."""

    def _execute_lock_query(self, question: str) -> bool:
        with translate_database_errors(self._address, "failed"), self._guard:
            row = self._ensure_session().execute(question.encode()).fetchone()
            return row is not None and bool(row[0])

    def _ensure_session(self) -> Plain:
        """The session that holds the lock; another one when that was lost."""
        if (session := self._session) is not None:
            try:
                session.execute(b"select 1")
            except psycopg.OperationalError:
                session.close()
            else:
                return session
        return self._open_session()

    def _open_session(self) -> Plain:
        # Whatever seemed dead may have lost its session as we have: it is given its time again.
        self._free_since.clear()
        self._session = session = self._address.connect()
        session.execute(_KEEPALIVE_SETTINGS)
        if self._owner:
            session.execute(f"select pg_advisory_lock({_lock_key(self._owner)})".encode())
        return session


def _is_lock_free(connection: Plain, owner: str) -> bool:
    # Shared, so that two who look do not take each other for the owner; and given free as the statement ends.
    row = connection.execute(
        f"select pg_try_advisory_xact_lock_shared({_lock_key(owner)})".encode()
    ).fetchone()
    return row is not None and bool(row[0])


def _lock_key(owner: str) -> int:
    """The number of a lock: half of an id that is random."""
    return int.from_bytes(bytes.fromhex(owner[:16]), "big", signed=True)
