"""A process that serves, over services that only say when they are opened and closed.

Usage: python -m tests.support.servers.stub_server_process DATA_DIR TRANSPORT [pending] [slow]
"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import anyio

from domain.audit.calls import CallAudit
from domain.governance.orphan_facts import OrphanPage
from server.adapters.clock import RandomIds, SystemClock
from server.adapters.store.sqlite.store import SqliteStore
from server.mcp_server.serve import run_server
from server.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from server.settings import Settings


def write_line(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


class PrintingOrphans:
    """Orphans that print where they should not."""

    async def list(self, principal: object, **_: object) -> OrphanPage:
        print("stray output")  # noqa: T201 - what must not reach the protocol
        return OrphanPage(items=(), unknown=(), next_cursor=None, scanned_at=datetime.now(UTC))


@asynccontextmanager
async def open_services(settings: Settings, *, sagas: bool, **_: object) -> AsyncIterator[Any]:
    async with SqliteStore(settings.store_path) as store:
        write_line(f"opened sagas={sagas}")
        try:
            yield SimpleNamespace(
                orphans=PrintingOrphans(), calls=CallAudit(store, SystemClock(), RandomIds())
            )
        finally:
            if "slow" in sys.argv:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep_forever()
            write_line("closed")


def has_pending_work(settings: object) -> bool:
    write_line("looked")
    return "pending" in sys.argv


def replace_module(name: str, **functions: object) -> None:
    """Have whoever imports that module find these functions, in place of the real ones."""
    module = ModuleType(name)
    vars(module).update(functions)
    sys.modules[name] = module


if __name__ == "__main__":
    replace_module("server.composition.process", open_services=open_services)
    replace_module("server.composition.stores", has_pending_work=has_pending_work)
    settings = load_settings({}, None, Path(sys.argv[1]))
    run_server(settings, cast("Any", sys.argv[2]), port=0)
