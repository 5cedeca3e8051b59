"""The work that waits for a process that runs sagas, as a server sees it that has not opened its services."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from domain.governance import has_scheduled_work, list_due_runs
from server.adapters.clock import SystemClock
from server.composition.stores import has_pending_work, is_store_outdated, read_existing_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.ports import UnitOfWork
    from server.settings import Settings

GIVE_WAY_S: Final = 10.0
"""Seconds for which a scheduled run must be due. A server that runs the schedules starts it within five."""


class PendingWork:
    """Says whether to open the services of a server that nobody has called.

    What a dead process left and what a command handed over is taken up at once. A scheduled run counts only when it
    stays due, so that servers that start to list their tools, and end, open nothing, and of several idle servers none
    does while another one runs the schedules.
    """

    def __init__(
        self, settings: Settings, *, schedules: bool, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Look at the configured store; `schedules` says whether this server runs them."""
        self._settings = settings
        self._schedules = schedules
        self._monotonic = monotonic
        self._due_since: float | None = None

    def __call__(self) -> bool:
        """Whether there is work. Cheap; blocks. Raises StoreFailedError and SettingsError."""
        return has_pending_work(self._settings) or (self._schedules and self._is_run_left())

    def _is_run_left(self) -> bool:
        if not (is_store_outdated(self._settings) or read_existing_store(self._settings, self._is_run_due)):
            self._due_since = None
            return False
        now = self._monotonic()
        if self._due_since is None:
            self._due_since = now
        return now - self._due_since >= GIVE_WAY_S

    def _is_run_due(self, uow: UnitOfWork) -> bool:
        plans = self._settings.schedules.plans
        return has_scheduled_work(uow) and bool(list_due_runs(uow, plans, SystemClock().now()))
