"""What a process proves before it works on a store, as configured."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio

from domain.errors import PlatformError
from domain.model import Fingerprint
from server.composition.replicas.agreement import count_agreeing_replicas, join_replicas
from server.composition.replicas.folder_markers import (
    SharedFolder,
    check_folder_marker,
    ensure_folder_markers,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.ports import Platform, Store
    from server.composition.replicas.agreement import Replica
    from server.settings import Settings

_TENANT_S: Final = 5.0


def shared_folders(settings: Settings) -> tuple[SharedFolder, SharedFolder]:
    """Staging and archives."""
    return (
        SharedFolder("staging", settings.staging.url, "staging.url"),
        SharedFolder("archive", settings.archival.storage_path, "archival.storage_path"),
    )


@asynccontextmanager
async def run_startup_checks(
    settings: Settings, store: Store, platform: Platform, replica: Replica | None
) -> AsyncIterator[None]:
    """Prove that the folders are the store's, and on a shared one that this process agrees with those beside it.

    On SQLite nobody is asked to agree: a data folder has one sandbox and one key, and another Glean is noticed at each
    connector. Raises SettingsError naming what is wrong, and StoreFailedError.
    """
    await ensure_folder_markers(store, shared_folders(settings))
    if not settings.store.shared:
        yield
        return
    from server.infra.postgres.presence import is_replica_alive

    async with join_replicas(
        store,
        await _fetch_fingerprint(settings, platform),
        partial(is_replica_alive, settings.store.address),
        replica,
    ):
        yield


async def preview_startup_checks(settings: Settings, store: Store, platform: Platform) -> str:
    """What a process with these settings would find at its start, in words; nothing is changed.

    Raises SettingsError, StoreFailedError.
    """
    said = [
        f"the {each.kind} folder {await check_folder_marker(store, each)}"
        for each in shared_folders(settings)
    ]
    if settings.store.shared:
        from server.infra.postgres.presence import is_replica_alive

        keys = [each.get_secret_value() for each in settings.http.state_keys]
        glean = await _fetch_fingerprint(settings, platform)
        living = await count_agreeing_replicas(
            store, glean, keys, partial(is_replica_alive, settings.store.address)
        )
        said.append(f"{living} replicas serve now, and one with these settings agrees with them")
        if not keys:
            said.append("replicas behind one address need http.state_keys, and there are none")
    return "; ".join(said)


async def _fetch_fingerprint(settings: Settings, platform: Platform) -> Fingerprint:
    """The Glean that is configured; without its tenant as long as it does not answer."""
    with anyio.move_on_after(_TENANT_S):
        try:
            return await platform.fetch_fingerprint()
        except PlatformError:
            pass  # whoever needs it will be told; the tenant is compared at each connector, too
    return Fingerprint(dialect=settings.glean.dialect, url=settings.glean.base_url or "")
