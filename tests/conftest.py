"""What every test shares: the event loop of async tests, and how hypothesis runs."""

from __future__ import annotations

import pytest
from hypothesis import settings

# No test judges by the clock: a busy machine is no failure.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the SDK and the engine do."""
    return "asyncio"
