"""Whether anything is left to do where a process of the product was."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread

from server.adapters.engine.engine import _journal_at
from tests.support.polling import wait_for_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from domain.ports import Store, UnitOfWork
    from server.settings import Settings

_LONG_S: Final = 120.0
_SOON_S: Final = 0.06


async def wait_until_idle(settings: Settings, store: Store) -> None:
    """Return when no saga is unfinished, nothing is to be undone, and every webhook has been told."""
    async with _saga_view(settings) as unfinished:

        async def over() -> bool:
            if await store.read(partial(_has_unfinished_work, settings)):
                return False
            return not await anyio.to_thread.run_sync(unfinished)

        await wait_for_async(over, _LONG_S, pause=_SOON_S)


@asynccontextmanager
async def _saga_view(settings: Settings) -> AsyncIterator[Callable[[], Any]]:
    """What tells which sagas the engine has not ended."""
    journal = _journal_at(settings.store.address if settings.store.shared else settings.data_dir)
    try:
        yield journal.list_unfinished
    finally:
        await anyio.to_thread.run_sync(journal.close)


def _has_unfinished_work(settings: Settings, uow: UnitOfWork) -> bool:
    return bool(uow.datasets.list_running() or uow.compensations.find()) or any(
        _has_pending_deliveries(each.name, uow) for each in settings.events.webhooks
    )


def _has_pending_deliveries(webhook: str, uow: UnitOfWork) -> bool:
    post = uow.deliveries.get_cursor(webhook)
    return post is None or post.cursor < uow.events.last_number() or uow.deliveries.count_waiting(webhook) > 0
