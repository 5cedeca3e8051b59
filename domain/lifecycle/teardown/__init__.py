"""TODO describe domain.lifecycle.teardown."""

from __future__ import annotations

from domain.lifecycle.teardown.saga import fail_teardown, run_teardown_saga, with_resumed_teardown
from domain.lifecycle.teardown.service import TeardownResult, TeardownService

__all__ = [
    "TeardownResult",
    "TeardownService",
    "fail_teardown",
    "run_teardown_saga",
    "with_resumed_teardown",
]
