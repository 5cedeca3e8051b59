"""The engine's connections to PostgreSQL: whoever wants one waits until the server is there again.

DBOS tries again by itself, after pauses that grow to a minute and that nothing ends but time. Waiting here instead, a
saga goes on within seconds of the server's return, and a process can end while it is away.
"""

from __future__ import annotations

import random
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final

import psycopg
import structlog

if TYPE_CHECKING:
    from server.infra.postgres.dsn import PostgresAddress

Plain = psycopg.Connection[tuple[Any, ...]]

_log: Final = structlog.get_logger(__name__)
_IDLE_S: Final = 60
_FIRST_S: Final = 0.1
_LONGEST_S: Final = 5.0
_CLOSED_MESSAGE: Final = "the saga engine is being closed"


class ReconnectingConnector:
    """Opens connections, from any thread. At first it fails as the server does; from `persist` on it waits."""

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self._persisting = False
        self._ending = threading.Event()
        self._opened = weakref.WeakSet[Plain]()
        self._guard = threading.Lock()
        self._closed = False
        self._away = False

    def enable_waiting(self) -> None:
        """From now on wait for a server that is away."""
        self._persisting = True

    def stop_waiting(self) -> None:
        """Let nobody wait any longer."""
        self._ending.set()

    def close(self) -> None:
        """Close every connection, and open none any more: threads of an engine that has ended may want one."""
        with self._guard:
            self._closed = True
            left = list(self._opened)
        for each in left:
            each.close()

    def connect(self) -> Plain:
        """A connection as the store has them, in a transaction from its first statement on. Raises psycopg.Error."""
        pause_s = _FIRST_S
        while True:
            try:
                connection = self._open()
            except psycopg.OperationalError:
                if not self._persisting:
                    raise
                self._log_availability(away=True)
            else:
                self._log_availability(away=False)
                return connection
            # Processes that lost one database together do not all come back at once.
            if self._ending.wait(pause_s * (1 + random.random()) / 2):  # noqa: S311
                # No OperationalError, which DBOS would take for one that passes.
                raise psycopg.InterfaceError(_CLOSED_MESSAGE)
            pause_s = min(2 * pause_s, _LONGEST_S)

    def _open(self) -> Plain:
        connection = self._address.connect()
        try:
            connection.execute(f"set idle_in_transaction_session_timeout = '{_IDLE_S}s'".encode())
        except BaseException:
            connection.close()
            raise
        connection.autocommit = False
        with self._guard:
            if not self._closed:
                self._opened.add(connection)
                return connection
        connection.close()
        raise psycopg.InterfaceError(_CLOSED_MESSAGE)

    def _log_availability(self, *, away: bool) -> None:
        if away != self._away:
            self._away = away
            _log.warning(
                "engine_database_away" if away else "engine_database_back", database=self._address.name
            )
