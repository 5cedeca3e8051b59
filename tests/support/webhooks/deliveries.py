"""Waiting for what is delivered to a webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.polling import wait_for_async

if TYPE_CHECKING:
    from domain.model.delivery import DeliveryState
    from domain.ports import Store


async def register_webhook(store: Store, webhook: str = "w") -> None:
    """Return when a process delivers to that webhook for the first time."""

    async def there() -> bool:
        return await store.read(lambda uow: uow.deliveries.get_cursor(webhook)) is not None

    await wait_for_async(there, 60)


async def wait_for_deliveries(
    store: Store, state: DeliveryState, count: int, webhook: str = "w", *, seconds: float = 60
) -> None:
    """Return when so many deliveries have that state."""

    async def so_many() -> bool:
        found = await store.read(lambda uow: uow.deliveries.find(webhook=webhook, states=(state,)))
        return len(found) >= count

    await wait_for_async(so_many, seconds)
