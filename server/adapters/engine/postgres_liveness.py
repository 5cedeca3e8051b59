"""Liveness by PostgreSQL advisory locks: each process holds one in a session that ends with the process.

The session may end earlier, when the network or the server fails. Then its process acquires the lock again at the next
renewal, and others count the process as dead only after its lock was free for a while.
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


# With these the server notices within seconds that a host has vanished, and frees its locks.
_KEEPALIVE_SETTINGS: Final = b"""
set tcp_keepalives_idle = 2; set tcp_keepalives_interval = 1; set tcp_keepalives_count = 3; set tcp_user_timeout = 5000
"""


@dataclass(frozen=True, slots=True)
class PostgresPresence:
    """The presence of this process: its owner id, and the locks that prove that it is alive."""

    owner: str
    owners: PostgresLiveness

    def release(self) -> None:
        """Release the lock, so that others can adopt this owner's sagas. None of them may still run here."""
        self.owners.unregister()


class PostgresLiveness:
    """The locks of one database. A process registers once; any thread may call the methods."""

    def __init__(
        self,
        address: PostgresAddress,
        *,
        dead_after_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the locks. A process counts as dead when its lock was free for `dead_after_s` seconds."""
        self._address = address
        self._dead_after_s = dead_after_s
        self._monotonic = monotonic
        self._owner = ""
        self._session: Plain | None = None
        self._guard = threading.RLock()
        self._adoption_guard = threading.Lock()
        self._free_since: dict[str, float] = {}

    def register(self) -> PostgresPresence:
        """Register this process as alive, under a fresh id. Raises StoreFailedError, SettingsError."""
        self._owner = uuid4().hex
        with translate_database_errors(self._address, "cannot be reached"), self._guard:
            self._open_session()
            with self._address.connect() as other:
                is_held = not _is_lock_free(other, self._owner)
        if not is_held:
            self.unregister()
            raise SettingsError(
                f"The connections of {self._address.name} do not hold locks: a pooler shares one session among many.",
                field="store.url",
                suggested_action="Name the database itself, or a pooler in session mode.",
            )
        return PostgresPresence(self._owner, self)

    def renew(self) -> None:
        """Make sure that we hold the lock. Raises StoreFailedError while the database is unavailable."""
        with translate_database_errors(self._address, "cannot be reached"), self._guard:
            self._ensure_session()

    def close(self) -> None:
        """Close the session of a process that is not registered."""
        self.unregister()

    def unregister(self) -> None:
        """Release the lock and close the session."""
        with self._guard:
            self._owner = ""
            if self._session:
                with suppress(psycopg.Error):  # the server frees the lock when the session ends
                    self._session.execute(b"select pg_advisory_unlock_all()")
                self._session.close()

    def is_alive(self, owner: str) -> bool:
        """Whether the owner's process is alive, or may be."""
        if owner == self._owner:
            return True
        with translate_database_errors(self._address, "failed"), self._guard:
            free = _is_lock_free(self._ensure_session(), owner)
        now = self._monotonic()
        if not free:
            self._free_since.pop(owner, None)
            return True
        return now - self._free_since.setdefault(owner, now) < self._dead_after_s

    def is_lock_held(self, owner: str) -> bool:
        """Whether the owner's lock is held now. A living process that lost its session takes it again soon."""
        with translate_database_errors(self._address, "failed"), self._guard:
            return not _is_lock_free(self._ensure_session(), owner)

    @contextmanager
    def adoption_lock(self) -> Iterator[bool]:
        """Hold the adoption lock of this database; False when somebody else holds it."""
        # An advisory lock belongs to the session, so a second thread of this process would be granted it too.
        if not self._adoption_guard.acquire(blocking=False):
            yield False
            return
        try:
            acquired = self._execute_lock_query(f"select pg_try_advisory_lock({_ADOPTION_LOCK})")
            try:
                yield acquired
            finally:
                if acquired:
                    with suppress(StoreFailedError):  # the lock ended with its session
                        self._execute_lock_query(f"select pg_advisory_unlock({_ADOPTION_LOCK})")
        finally:
            self._adoption_guard.release()

    def sweep(self) -> None:
        """Do nothing: the locks of dead processes ended with their sessions."""

    def _execute_lock_query(self, query: str) -> bool:
        with translate_database_errors(self._address, "failed"), self._guard:
            row = self._ensure_session().execute(query.encode()).fetchone()
            return row is not None and bool(row[0])

    def _ensure_session(self) -> Plain:
        """The session that holds the lock; a new one when it was lost."""
        if (session := self._session) is not None:
            try:
                session.execute(b"select 1")
            except psycopg.OperationalError:
                session.close()
            else:
                return session
        return self._open_session()

    def _open_session(self) -> Plain:
        # A process that seemed dead may have lost its session just as we did, so its time starts again.
        self._free_since.clear()
        self._session = session = self._address.connect()
        session.execute(_KEEPALIVE_SETTINGS)
        if self._owner:
            session.execute(f"select pg_advisory_lock({_lock_key(self._owner)})".encode())
        return session


def _is_lock_free(connection: Plain, owner: str) -> bool:
    # Shared, so that two observers do not take each other for the owner. It is released as the statement ends.
    row = connection.execute(
        f"select pg_try_advisory_xact_lock_shared({_lock_key(owner)})".encode()
    ).fetchone()
    return row is not None and bool(row[0])


def _lock_key(owner: str) -> int:
    """The key of an owner's lock: the first 64 bits of its random id."""
    return int.from_bytes(bytes.fromhex(owner[:16]), "big", signed=True)
