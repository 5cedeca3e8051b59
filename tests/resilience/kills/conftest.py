"""What is killed: processes with an engine each, and those that deliver to webhooks from a store."""

from __future__ import annotations

from tests.integration.webhooks.conftest import store, store_location
from tests.support.engines.processes import engine_processes

__all__ = ["engine_processes", "store", "store_location"]
