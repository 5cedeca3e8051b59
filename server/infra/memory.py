"""Memory of a process that lives long."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import Final

_M_ARENA_MAX: Final = -8
_VARIABLE: Final = "MALLOC_ARENA_MAX"


def share_malloc_arena() -> None:
    """Have all threads allocate from one arena of glibc's malloc; call it before there are threads.

    By default each of our worker threads has an arena of its own, which keeps what the thread has freed: some 40 MB
    after a few datasets. Where the environment sets the number of arenas, or the C library has none, nothing is done.
    """
    if _VARIABLE in os.environ:
        return
    with suppress(AttributeError, OSError):  # another C library has no mallopt
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
