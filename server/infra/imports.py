"""Imports without garbage collection."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def pause_garbage_collection() -> Iterator[None]:
    """Pause the garbage collector for the imports in the block, and exclude their objects from later collections.

    Modules, classes and schemas create many objects and hardly any garbage. Collecting took a sixth of a server's
    start, and every later full collection would scan all imported objects again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
