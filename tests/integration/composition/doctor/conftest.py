"""Doctor asks an address that fails as often as a server would, without the pauses between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stamina

from server.adapters.glean.transport.client import TRIES

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=TRIES, cap=True):
        yield
