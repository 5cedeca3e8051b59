"""The SQLite file: one connection for each caller, `BEGIN IMMEDIATE` for each write, several processes on one file."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from server.infra.filesystem.locks import lock_file
from server.infra.sqlite import switch_to_wal
from server.sandbox.state.schema import SCHEMA, UPGRADES, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_SECONDS: Final = 60.0
"""How long a writer waits for another process; each batch of a big sync commits well within it."""


class SandboxFileError(Exception):
    """The file that was given for the sandbox's state is not one."""


class NewerSandboxFileError(SandboxFileError):
    """The file is a sandbox's, and a newer version made or changed it."""


class SandboxFileUnavailableError(SandboxFileError):
    """The file cannot be used now: it is locked, its disk is full or fails, or it may not be opened."""


class Database:
    """The sandbox's SQLite file. Safe to use from any thread and from several processes."""

    def __init__(self, path: Path) -> None:
        """Open the file `path`; create its folder and its tables when they are missing."""
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._writer = threading.Lock()  # our own threads queue here instead of polling SQLite's lock
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._prepare_file()
        except sqlite3.OperationalError as error:
            self.close()
            raise SandboxFileUnavailableError(f"{path.name} cannot be used now: {error}") from error
        except sqlite3.DatabaseError as error:
            self.close()
            raise SandboxFileError(f"{path.name} is not a sandbox's file: {error}") from error

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Read one consistent state for the length of the block."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Make one change: committed when the block ends, rolled back when it raises."""
        with self._writer, self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        """Close every connection; those in use close when their block ends."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            connection.execute(begin)
            try:
                yield connection
            except BaseException:
                if (
                    connection.in_transaction
                ):  # after some errors, such as a full disk, SQLite has rolled back already
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        finally:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.row_factory = sqlite3.Row
        # A power cut may lose the last commits in this mode, which a sandbox can afford; the file stays whole.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -16000")
        return connection

    @staticmethod
    def _has_tables(connection: sqlite3.Connection) -> bool:
        """Whether it has the tables of a sandbox: another program may number its versions, too."""
        named = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('tenant', 'datasource')"
        return bool(connection.execute(named).fetchone()[0] == len(("tenant", "datasource")))

    def _prepare_file(self) -> None:
        # Two processes that open a new file at once must not both turn it into WAL mode or make its tables. The
        # lock is on the folder because closing a second descriptor of the file would drop SQLite's own locks.
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            lock_file(folder, fcntl.LOCK_EX, self.path)
            connection = self._connect()
            self._idle.append(connection)
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == VERSION:
                return
            if version > VERSION and self._has_tables(connection):
                raise NewerSandboxFileError(f"{self.path.name} was made by a newer version")
            script = UPGRADES.get(version, "" if version else SCHEMA)
            if not script or (not version and connection.execute("SELECT 1 FROM sqlite_master").fetchone()):
                raise SandboxFileError(f"{self.path.name} was made by another program; use a new file")
            switch_to_wal(connection, BUSY_SECONDS)
            if version:
                # Not at the top: a server answers before it needs any content.
                from domain.content import body_to_text  # noqa: PLC0415

                connection.create_function("body_to_text", 2, body_to_text, deterministic=True)
            connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {VERSION}; COMMIT;")
        finally:
            os.close(folder)
