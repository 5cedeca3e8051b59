"""How far sagas are, written now and then by a thread of its own, so that reporting costs a saga nothing."""

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
    """Keeps the latest report of each dataset and hands them to `write`, at most once in `every_s` seconds."""

    def __init__(self, write: Callable[[Reports], None], every_s: float) -> None:
        self._write = write
        self._every_s = every_s
        self._latest: dict[str, Progress | None] = {}
        self._guard = threading.Lock()
        self._something = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-progress", daemon=True)

    def start(self) -> None:
        """Begin to write what is reported, what was reported before included."""
        self._thread.start()

    def report(self, dataset_id: str, progress: Progress | None) -> None:
        """Keep this report in place of the dataset's former one."""
        with self._guard:
            self._latest[dataset_id] = progress
        self._something.set()

    def stop(self) -> None:
        """Write what is left and end the thread; nothing to do when it never started."""
        self._ending.set()
        self._something.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._something.wait()
            self._flush()
            self._ending.wait(self._every_s)
        self._flush()

    def _flush(self) -> None:
        self._something.clear()
        with self._guard:
            latest, self._latest = self._latest, {}
        if not latest:
            return
        try:
            self._write(latest)
        except StoreFailedError as error:
            # What it would have shown is out of date at the next report; the saga must not suffer from it.
            _LOG.warning("progress could not be written: %s", error.message)
