"""Reconnecting connector: opens the engine's connections to PostgreSQL, and waits while the server is unavailable.

DBOS has retries of its own, but their pauses grow to a minute and cannot be interrupted. With the waiting done here, a
saga continues within seconds of the server's return, and the process can still shut down during an outage.
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
    """Opens connections, from any thread. It fails at once before `enable_waiting`, and waits for the server after."""

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self._persisting = False
        self._ending = threading.Event()
        self._opened = weakref.WeakSet[Plain]()
        self._guard = threading.Lock()
        self._closed = False
        self._away = False

    def enable_waiting(self) -> None:
        """Wait for an unavailable server from now on."""
        self._persisting = True

    def stop_waiting(self) -> None:
        """End all waiting; the waiting threads get an error."""
        self._ending.set()

    def close(self) -> None:
        """Close every connection and refuse new ones, which threads of a closed engine may still ask for."""
        with self._guard:
            self._closed = True
            connections = list(self._opened)
        for each in connections:
            each.close()

    def connect(self) -> Plain:
        """Open a connection without autocommit: its first statement begins a transaction. Raises psycopg.Error."""
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
            # A random pause: processes that lost the database together must not all return at once.
            if self._ending.wait(pause_s * (1 + random.random()) / 2):  # noqa: S311
                # Not an OperationalError, which DBOS would retry.
                raise psycopg.InterfaceError(_CLOSED_MESSAGE)
            pause_s = min(2 * pause_s, _LONGEST_S)

    def _open(self) -> Plain:
        connection = self._address.connect()
        try:
            # A process that stops in a transaction would hold its row locks against all others.
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
