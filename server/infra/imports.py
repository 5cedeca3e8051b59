"""Imports without garbage collection, and without libraries that another one uses for what we do not want."""

from __future__ import annotations

import gc
import sys
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


@contextmanager
def absent_module(name: str) -> Iterator[None]:
    """Let no import of that module succeed in the block, as if it were not installed; an imported one stays."""
    if name in sys.modules:
        yield
        return
    # The documented way: a module that is None in there cannot be imported.
    # https://docs.python.org/3/reference/import.html#the-module-cache
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
