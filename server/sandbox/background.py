"""Work in the background: a thread that does what is left of one file, a step at a time."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_SHARE: Final = 0.25
"""How long the thread rests after a step, in parts of the step, so that requests of any process get their turn."""


class BackgroundThread:
    """Thread that does the work which requests leave, from the first request that leaves some until none is left.

    Whatever it has not done when it ends is done by the next thread on the file, of this process or another.
    """

    def __init__(self, step: Callable[[], bool]) -> None:
        """Prepare to call `step`, which says whether there was anything to do."""
        self._step = step
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def is_busy(self) -> bool:
        """Whether the thread is at work."""
        return self._thread is not None

    def start(self) -> None:
        """Start the thread, unless it is at work or closed."""
        with self._lock:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="glean-sandbox-indexing", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread after its present step, and wait for that."""
        with self._lock:
            self._closed.set()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        try:
            pause_s = 0.0
            while not self._closed.wait(pause_s):
                began = time.monotonic()
                if not self._step():
                    break
                pause_s = (time.monotonic() - began) * _SHARE
        except sqlite3.Error as error:
            # The next request starts a thread again, and meets the same trouble or none. A full disk is no bug.
            logging.getLogger(__name__).error("the sandbox's file failed: %s", error)  # noqa: TRY400
        finally:
            with self._lock:
                self._thread = None
