"""Threaded store: runs transactions in threads of its own. The base of both stores."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Final, Self, TypeVar

from server.adapters.store.progress import ProgressWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from domain.model import Progress
    from domain.ports import UnitOfWork
    from server.adapters.store.progress import Reports
    from server.adapters.store.unit_of_work import SqlUnitOfWork

T = TypeVar("T")
READERS: Final = 4


class ThreadedStore(ABC):
    """Implements `domain.ports.store.Store`. Open and close it, or use it as an asynchronous context manager.

    The changes of this process run one after another in one thread. Reads have threads of their own and wait for no
    change. A cancelled caller never leaves half a transaction: one that has begun is completed, one that still waits is
    not begun.
    """

    def __init__(self, progress_every_s: float) -> None:
        self._writing = ThreadPoolExecutor(1, "store-write")
        self._reading = ThreadPoolExecutor(READERS, "store-read")
        self._progress = ProgressWriter(self._write_progress, progress_every_s)

    async def open(self) -> None:
        """Create or migrate the store. Raises StoreFailedError, or SettingsError for a store of a newer version."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._writing, self._prepare)
        except BaseException:
            await self.close()
            raise
        self._progress.start()

    async def close(self) -> None:
        """Write the last progress, complete the running transactions and close the database. May be called twice."""
        # A thread of its own: the default executor may be full, or shut down already.
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
        self, work: Callable[[UnitOfWork], T], *, lasting: bool = True, regardless: bool = False
    ) -> T:
        # The call's patience with the store is in its context.
        future = asyncio.get_running_loop().run_in_executor(
            self._writing, copy_context().run, self._transact, work, lasting
        )
        return await (asyncio.shield(future) if regardless else future)

    async def read(self, work: Callable[[UnitOfWork], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._reading, copy_context().run, self._read, work
        )

    def report(self, dataset_id: str, progress: Progress | None) -> None:
        self._progress.report(dataset_id, progress)

    @abstractmethod
    def _prepare(self) -> None:
        """Create or migrate the database."""

    # An executor passes no arguments by name.
    @abstractmethod
    def _transact(self, work: Callable[[SqlUnitOfWork], T], lasting: bool, /) -> T:  # noqa: FBT001
        """Run the work in one write transaction; `lasting` ones survive a power failure."""

    @abstractmethod
    def _read(self, work: Callable[[SqlUnitOfWork], T], /) -> T:
        """Run the work in one read-only transaction."""

    @abstractmethod
    def _release(self) -> None:
        """Close the database; no transaction runs any more."""

    def _write_progress(self, latest: Reports) -> None:
        def write(uow: SqlUnitOfWork) -> None:
            for dataset_id, progress in latest.items():
                uow.datasets.put_progress(dataset_id, progress)

        # False is `lasting`, which an executor cannot pass by name.
        self._writing.submit(self._transact, write, False).result()  # noqa: FBT003

    def _close(self) -> None:
        # First, because the last progress is written by the thread that is ended next.
        self._progress.stop()
        self._writing.shutdown()
        self._reading.shutdown()
        self._release()
