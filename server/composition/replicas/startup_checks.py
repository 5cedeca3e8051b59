"""Checks that a process makes before it runs sagas on a store."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.connectors import identify_platform
from server.composition.replicas.agreement import count_agreeing_replicas, join_replicas
from server.composition.replicas.folder_markers import (
    SharedFolder,
    check_folder_marker,
    ensure_folder_markers,
)
from server.workers.time_limited_platform import TimeLimitedPlatform

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.ports import Platform, Store
    from server.composition.replicas.agreement import Replica
    from server.settings import Settings

_TENANT_S: Final = 5.0


def shared_folders(settings: Settings) -> tuple[SharedFolder, SharedFolder]:
    """The staging and archive folders, as configured."""
    return (
        SharedFolder("staging", settings.staging.url, "staging.url"),
        SharedFolder("archive", settings.archival.storage_path, "archival.storage_path"),
    )


@asynccontextmanager
async def run_startup_checks(
    settings: Settings, store: Store, platform: Platform, replica: Replica | None
) -> AsyncIterator[None]:
    """Check that the folders are the store's and, on a shared store, that this process agrees with the replicas.

    On SQLite no agreement is needed: a data folder has one sandbox and one key, and each connector shows when it is in
    another Glean. Raises SettingsError naming what is wrong, and StoreFailedError.
    """
    await ensure_folder_markers(store, shared_folders(settings))
    if not settings.store.shared:
        yield
        return
    from server.infra.postgres.presence import is_replica_alive

    async with join_replicas(
        store,
        await identify_platform(TimeLimitedPlatform(platform, list_s=_TENANT_S)),
        partial(is_replica_alive, settings.store.address),
        replica,
    ):
        yield


async def preview_startup_checks(settings: Settings, store: Store, platform: Platform) -> str:
    """Describe what a process with these settings would find at its start, without changing anything.

    Raises SettingsError or StoreFailedError.
    """
    parts = [
        f"the {each.kind} folder {await check_folder_marker(store, each)}"
        for each in shared_folders(settings)
    ]
    if settings.store.shared:
        from server.infra.postgres.presence import is_replica_alive

        keys = [each.get_secret_value() for each in settings.http.state_keys]
        glean = await identify_platform(TimeLimitedPlatform(platform, list_s=_TENANT_S))
        living = await count_agreeing_replicas(
            store, glean, keys, partial(is_replica_alive, settings.store.address)
        )
        parts.append(f"{living} replicas serve now, and one with these settings agrees with them")
        if not keys:
            parts.append("http.state_keys is empty, and replicas behind one address need it")
    return "; ".join(parts)
