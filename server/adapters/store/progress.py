"""Progress writer: stores the progress of sagas from a thread of its own, so that reporting costs a saga nothing."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from domain.errors import StoreFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from domain.model import Progress

    Reports = Mapping[str, Progress | None]

_LOG: Final = logging.getLogger(__name__)


class ProgressWriter:
    """Holds the latest report of each dataset, and passes all of them to `write` at most once in `every_s` seconds."""

    def __init__(self, write: Callable[[Reports], None], every_s: float) -> None:
        self._write = write
        self._every_s = every_s
        self._latest: dict[str, Progress | None] = {}
        self._guard = threading.Lock()
        self._has_reports = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-progress", daemon=True)

    def start(self) -> None:
        """Start to write the reports, including those made before."""
        self._thread.start()

    def report(self, dataset_id: str, progress: Progress | None) -> None:
        """Replace the dataset's latest report; None deletes its progress."""
        with self._guard:
            self._latest[dataset_id] = progress
        self._has_reports.set()

    def stop(self) -> None:
        """Write the last reports and end the thread, if it was started."""
        self._ending.set()
        self._has_reports.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._has_reports.wait()
            self._flush()
            self._ending.wait(self._every_s)
        self._flush()

    def _flush(self) -> None:
        self._has_reports.clear()
        with self._guard:
            latest, self._latest = self._latest, {}
        if not latest:
            return
        try:
            self._write(latest)
        except StoreFailedError as error:
            # Only a display is affected, and only until the next report: it must not stop the saga.
            _LOG.warning("progress could not be written: %s", error.message)
