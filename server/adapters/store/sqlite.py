"""The store on one SQLite file, shared by every process of one machine that works on the data folder."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Self, TypeVar

from domain.errors import Recovery, StoreFailedError
from server.adapters.store.connection import connect, prepare
from server.adapters.store.failures import translated
from server.adapters.store.progress import ProgressWriter
from server.adapters.store.records import SqliteRecords

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from sqlite_utils import Database

    from domain.model import Progress
    from domain.records import Records
    from server.adapters.store.progress import Reports

T = TypeVar("T")
_READERS: Final = 4


class SqliteStore:
    """Implements `domain.records.Store`. Open it before use; close it, or use it as an asynchronous context manager.

    Changes run one after another in a thread of the store's own, each as one `BEGIN IMMEDIATE` transaction that waits
    up to `busy_timeout_s` for other processes. Reads have threads and connections of their own and wait for no change.
    A caller that is cancelled never ends a transaction half-way: one that has begun is carried to its end, one that
    waits is not begun. Everything raises StoreFailedError when the file or its disk fails.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 30, progress_every_s: float = 0.25) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._writing = ThreadPoolExecutor(1, "store-write")
        self._reading = ThreadPoolExecutor(_READERS, "store-read")
        self._mine = threading.local()
        self._connections: list[Database] = []
        self._installation = ""
        self._progress = ProgressWriter(self._write_progress, progress_every_s)

    async def open(self) -> None:
        """Make or migrate the file. Raises StoreFailedError, and SettingsError for the file of a newer version."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._writing, self._prepare)
        except BaseException:
            await self.close()
            raise
        self._progress.start()

    async def close(self) -> None:
        """Write the last progress, end what has begun, and close the file; closing twice is fine."""
        closing = ThreadPoolExecutor(1, "store-close")
        try:
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(closing, self._close))
        finally:
            closing.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def transact(
        self, work: Callable[[Records], T], *, lasting: bool = True, regardless: bool = False
    ) -> T:
        begun = asyncio.get_running_loop().run_in_executor(self._writing, self._transact, work, lasting)
        return await (asyncio.shield(begun) if regardless else begun)

    async def read(self, look: Callable[[Records], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._look, look)

    def report(self, dataset_id: str, progress: Progress | None) -> None:
        self._progress.report(dataset_id, progress)

    def _prepare(self) -> None:
        try:
            with translated(self._path):
                self._installation = prepare(self._path, self._busy_timeout_s)
        except OSError as error:
            raise StoreFailedError(
                f"The store {self._path} cannot be made: {error.strerror}.", recovery=Recovery.NEEDS_HUMAN
            ) from error

    def _transact(self, work: Callable[[SqliteRecords], T], lasting: bool = True) -> T:  # noqa: FBT001, FBT002 - an executor passes no names
        with translated(self._path):
            db = self._connection(reading=False)
            db.execute(f"pragma synchronous = {'full' if lasting else 'normal'}")
            return self._within("begin immediate", db, work)

    def _look(self, look: Callable[[SqliteRecords], T]) -> T:
        with translated(self._path):
            return self._within("begin", self._connection(reading=True), look)

    def _within(self, begin: str, db: Database, work: Callable[[SqliteRecords], T]) -> T:
        db.execute(begin)
        try:
            result = work(SqliteRecords(db, self._installation))
            db.commit()
        except BaseException:
            db.rollback()
            raise
        return result

    def _connection(self, *, reading: bool) -> Database:
        found: Database | None = getattr(self._mine, "connection", None)
        if found is None:
            found = self._mine.connection = connect(self._path, self._busy_timeout_s, reading=reading)
            self._connections.append(found)
        return found

    def _write_progress(self, latest: Reports) -> None:
        def write(records: SqliteRecords) -> None:
            for dataset_id, progress in latest.items():
                records.put_progress(dataset_id, progress)

        self._writing.submit(self._transact, write).result()

    def _close(self) -> None:
        self._progress.stop()
        self._writing.shutdown()
        self._reading.shutdown()
        for each in self._connections:
            each.close()
