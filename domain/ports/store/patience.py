"""Store patience: how long one call has waited for the store, however often it asks."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class StorePatience:
    """Store patience: the seconds that a call has waited for a connection to the store."""

    waited_s: float = 0.0


STORE_PATIENCE: Final = ContextVar[StorePatience | None]("STORE_PATIENCE", default=None)
"""The patience of the call that runs now; None outside of calls, where each question to the store waits by itself."""


@contextmanager
def one_store_patience() -> Iterator[StorePatience]:
    """Share one patience among all questions to the store in this block."""
    patience = StorePatience()
    token = STORE_PATIENCE.set(patience)
    try:
        yield patience
    finally:
        STORE_PATIENCE.reset(token)
