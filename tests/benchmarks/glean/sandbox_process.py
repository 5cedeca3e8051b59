"""The sandbox in a process of its own, so that its time and its memory are nobody else's."""

from __future__ import annotations

import multiprocessing
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.sandbox.control import Sandbox
from tests.support.sandbox.embedded import EmbeddedSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

TOKEN: Final = "bench"


@contextmanager
def emulator(*, limits_rate: bool = False) -> Iterator[tuple[str, Sandbox]]:
    """Where a fresh sandbox answers, and its file opened beside it; it takes no time for indexing."""
    spawned = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "glean.sqlite"
        here, there = spawned.Pipe()
        process = spawned.Process(target=_serve, args=(path, there), daemon=True)
        process.start()
        base_url: str = here.recv()
        try:
            with Sandbox.open(path) as sandbox:
                sandbox.set_switches(limits_rate=limits_rate)
                sandbox.set_indexing_rate(1e9, minimum_seconds=0)
                yield base_url, sandbox
        finally:
            here.send(None)
            process.join()


def _serve(path: Path, told: Connection) -> None:
    with EmbeddedSandbox(path, token=TOKEN) as running:
        told.send(running.base_url)
        told.recv()
