"""DBOS looks into its database so often that a test hardly waits for it."""

from __future__ import annotations

from typing import Final

import pytest

_POLL_S: Final = 0.02


@pytest.fixture(autouse=True)
def frequent_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine takes up queued sagas, and closes, within one such look."""
    monkeypatch.setattr("server.adapters.engine.dbos_runtime._POLL_S", _POLL_S)
