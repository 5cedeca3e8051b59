"""What is kept, and by whom: the store, the templates, and whether anybody works or has to."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anyio import to_thread

from server.adapters.engine.engine import DurableEngine
from server.adapters.store.sqlite.inspect import describe_pending_migration, has_unfinished_work
from server.adapters.store.sqlite.store import SqliteStore
from server.adapters.templates import FolderTemplates
from server.composition.replicas.presence import is_server_on_folder
from server.doctor.report import ProbeSkippedError
from server.infra.filesystem.locks import require_file_locks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from server.adapters.store.threaded_store import ThreadedStore
    from server.settings import Settings

BUNDLED: Final = Path(__file__).parent.parent.parent
"""Under this folder is the catalogue that comes with the program."""


def build_template_repository(path: Path | None, subdir: str) -> FolderTemplates:
    """The mock-data repository at that path, or the bundled catalogue."""
    return FolderTemplates(BUNDLED) if path is None else FolderTemplates(path, subdir)


def build_store(settings: Settings) -> ThreadedStore:
    """The store that is configured, to be opened."""
    if settings.store.shared:
        from server.adapters.store.postgres.store import PostgresStore

        return PostgresStore(settings.store.address)
    return SqliteStore(settings.store_path)


@asynccontextmanager
async def open_existing_store(settings: Settings) -> AsyncIterator[ThreadedStore]:
    """The store, without making or migrating it. Raises NotYetError when that comes first, and as `store_of` does."""
    if settings.store.shared:
        from server.adapters.store.postgres import store

        words = await to_thread.run_sync(store.describe_pending_migration, settings.store.address)
    else:
        await to_thread.run_sync(require_file_locks, settings.data_dir)
        words = await to_thread.run_sync(describe_pending_migration, settings.store_path)
    if words:
        where = settings.store.address.name if settings.store.shared else settings.store_path
        raise ProbeSkippedError(f"{where}: {words}")
    async with build_store(settings) as opened:
        yield opened


def has_pending_work(settings: Settings) -> bool:
    """Whether there is work that a dead process left or a command handed over; a cheap look that blocks.

    Where webhooks are to be told of events there always may be.
    """
    if settings.events.webhooks:
        return True
    if settings.store.shared:
        from server.adapters.store.postgres import store

        address = settings.store.address
        return store.has_unfinished_work(address) or DurableEngine.has_unfinished_sagas(address)
    return has_unfinished_work(settings.store_path) or DurableEngine.has_unfinished_sagas(settings.data_dir)


def is_server_running(settings: Settings) -> bool:
    """Whether a server runs on the same data folder, or database."""
    if settings.store.shared:
        from server.infra.postgres.presence import is_server_on_database

        return is_server_on_database(settings.store.address)
    return is_server_on_folder(settings.data_dir)
