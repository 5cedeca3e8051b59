"""The configured store, and whether there is pending work or a running server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from anyio import to_thread

from server.composition.replicas.presence import is_server_on_folder
from server.doctor.report import ProbeSkippedError
from server.infra.filesystem.locks import require_file_locks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from domain.ports import UnitOfWork
    from server.adapters.store.threaded_store import ThreadedStore
    from server.settings import Settings

T = TypeVar("T")


def build_store(settings: Settings) -> ThreadedStore:
    """Build the configured store; the caller opens it."""
    if settings.store.shared:
        from server.adapters.store.postgres.store import PostgresStore

        return PostgresStore(settings.store.address)
    from server.adapters.store.sqlite.store import SqliteStore

    return SqliteStore(settings.store_path)


class StorePendingError(ProbeSkippedError):
    """There is no store yet, or it is of an older version: `pending` says which."""

    def __init__(self, message: str, pending: str) -> None:
        """Keep the finding on the store, and why it is not opened."""
        super().__init__(message)
        self.pending = pending


def describe_unopened_store(error: Exception) -> str:
    """Why the store could not be opened, as the end of a sentence."""
    from server.adapters.store.schema import NOT_CREATED, NewerStoreError

    if isinstance(error, StorePendingError):
        if error.pending == NOT_CREATED:
            return "there is no store yet"
        return "the store is of an older version, and the next start migrates it"
    if isinstance(error, NewerStoreError):
        return "the store is of a newer version, and only that version can use it"
    return "the store cannot be opened"


@asynccontextmanager
async def open_existing_store(settings: Settings) -> AsyncIterator[ThreadedStore]:
    """Open the store without making or migrating it.

    Raises StorePendingError when it must be made or migrated first, and SettingsError or StoreFailedError.
    """
    if not settings.store.shared:
        await to_thread.run_sync(require_file_locks, settings.data_dir)
    pending = await to_thread.run_sync(_describe_pending_migration, settings)
    if pending:
        where = settings.store.address.name if settings.store.shared else settings.store_path
        raise StorePendingError(f"{where}: {pending}", pending)
    async with build_store(settings) as opened:
        yield opened


def has_pending_work(settings: Settings) -> bool:
    """Whether there is work that a dead process left or a command handed over. Cheap; blocks.

    With webhooks the answer is always yes, because events may wait for them.
    """
    if settings.events.webhooks:
        return True
    from server.adapters.engine.engine import DurableEngine

    if settings.store.shared:
        from server.adapters.store.postgres import store

        address = settings.store.address
        return store.has_unfinished_work(address) or DurableEngine.has_unfinished_sagas(address)
    from server.adapters.store.sqlite import inspect

    return inspect.has_unfinished_work(settings.store_path) or DurableEngine.has_unfinished_sagas(
        settings.data_dir
    )


def is_store_outdated(settings: Settings) -> bool:
    """Whether the next start would migrate the store. Cheap; blocks."""
    from server.adapters.store.schema import OUTDATED

    return _describe_pending_migration(settings) == OUTDATED


def read_existing_store(settings: Settings, work: Callable[[UnitOfWork], T]) -> T | None:
    """Read once in the store, without opening it; None when it would have to be made or migrated. Cheap; blocks."""
    if settings.store.shared:
        from server.adapters.store.postgres import store

        return store.read_existing(settings.store.address, work)
    from server.adapters.store.sqlite import inspect

    return inspect.read_existing(settings.store_path, work)


def _describe_pending_migration(settings: Settings) -> str:
    if settings.store.shared:
        from server.adapters.store.postgres import store

        return store.describe_pending_migration(settings.store.address)
    from server.adapters.store.sqlite import inspect

    return inspect.describe_pending_migration(settings.store_path)


def is_server_running(settings: Settings) -> bool:
    """Whether a server runs on the same data folder, or database."""
    if settings.store.shared:
        from server.infra.postgres.presence import is_server_on_database

        return is_server_on_database(settings.store.address)
    return is_server_on_folder(settings.data_dir)
