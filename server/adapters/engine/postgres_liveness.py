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
from server.adapters.engine.postgres import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from server.postgres.address import Address

    Plain = psycopg.Connection[tuple[Any, ...]]

_ADOPTING: Final = "1684368495, 4"
# A host that is gone without a word is noticed by the server in so many seconds, and its locks are free.
_NOTICED: Final = b"""
set tcp_keepalives_idle = 2; set tcp_keepalives_interval = 1; set tcp_keepalives_count = 3; set tcp_user_timeout = 5000
"""


@dataclass(frozen=True, slots=True)
class DatabasePresence:
    """This process, as others see it."""

    owner: str
    owners: DatabaseOwners

    def end(self) -> None:
        """Let others take over whatever this owner left. Nothing of it may run any more."""
        self.owners.leave()


class DatabaseOwners:
    """The locks of one database. One process enters once; its methods may be called by any thread."""

    def __init__(
        self,
        address: Address,
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

    def enter(self) -> DatabasePresence:
        """Show this process as alive, under a fresh id. Raises StoreFailedError, SettingsError."""
        self._owner = uuid4().hex
        with told(self._address, "cannot be reached"), self._guard:
            self._hold()
            with self._address.connect() as other:
                kept = not _free(other, self._owner)
        if not kept:
            self.leave()
            raise SettingsError(
                f"The connections of {self._address.name} do not keep locks: a pooler hands one session to many.",
                field="store.url",
                suggested_action="Name the database itself, or a pooler in session mode.",
            )
        return DatabasePresence(self._owner, self)

    def stay(self) -> None:
        """See to it that the lock is still ours. Raises StoreFailedError while the database is away."""
        with told(self._address, "cannot be reached"), self._guard:
            self._held()

    def leave(self) -> None:
        """Give the lock free."""
        with self._guard:
            self._owner = ""
            if self._session:
                with suppress(psycopg.Error):  # the server would notice the end of the session a little later
                    self._session.execute(b"select pg_advisory_unlock_all()")
                self._session.close()

    def alive(self, owner: str) -> bool:
        """Whether that owner's process lives, or may well."""
        if owner == self._owner:
            return True
        with told(self._address, "failed"), self._guard:
            free = _free(self._held(), owner)
        now = self._monotonic()
        if not free:
            self._free_since.pop(owner, None)
            return True
        return now - self._free_since.setdefault(owner, now) < self._dead_after_s

    @contextmanager
    def adopting(self) -> Iterator[bool]:
        """Be the only one who adopts on this database: False when somebody else is at it."""
        if not self._turn.acquire(blocking=False):
            yield False
            return
        try:
            alone = self._try(f"select pg_try_advisory_lock({_ADOPTING})")
            try:
                yield alone
            finally:
                if alone:
                    with suppress(StoreFailedError):  # then the lock is gone with its session
                        self._try(f"select pg_advisory_unlock({_ADOPTING})")
        finally:
            self._turn.release()

    def sweep(self) -> None:
        """Nothing is left of the dead here."""

    def _try(self, question: str) -> bool:
        with told(self._address, "failed"), self._guard:
            row = self._held().execute(question.encode()).fetchone()
            return row is not None and bool(row[0])

    def _held(self) -> Plain:
        """The session that holds the lock; another one when that was lost."""
        if (session := self._session) is not None:
            try:
                session.execute(b"select 1")
            except psycopg.OperationalError:
                session.close()
            else:
                return session
        return self._hold()

    def _hold(self) -> Plain:
        # Whatever seemed dead may have lost its session as we have: it is given its time again.
        self._free_since.clear()
        self._session = session = self._address.connect()
        session.execute(_NOTICED)
        if self._owner:
            session.execute(f"select pg_advisory_lock({_key(self._owner)})".encode())
        return session


def _free(connection: Plain, owner: str) -> bool:
    # Shared, so that two who look do not take each other for the owner; and given free as the statement ends.
    row = connection.execute(f"select pg_try_advisory_xact_lock_shared({_key(owner)})".encode()).fetchone()
    return row is not None and bool(row[0])


def _key(owner: str) -> int:
    """The number of a lock: half of an id that is random."""
    return int.from_bytes(bytes.fromhex(owner[:16]), "big", signed=True)
