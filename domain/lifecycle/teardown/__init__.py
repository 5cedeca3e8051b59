"""Teardown: the saga that archives and removes datasets, the claim that starts it, and waivers."""

from __future__ import annotations

from domain.lifecycle.teardown.saga import TEARDOWN_SAGA, with_resumed_teardown
from domain.lifecycle.teardown.service import TeardownResult, TeardownService

__all__ = [
    "TEARDOWN_SAGA",
    "TeardownResult",
    "TeardownService",
    "with_resumed_teardown",
]
