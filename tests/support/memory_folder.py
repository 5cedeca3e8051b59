"""A folder in memory, for files that no disk has to keep."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

_FOLDER: Final = Path("/dev/shm")  # noqa: S108 - whoever uses it makes a folder of their own there
_ROOM: Final = 4 << 30
"""More than all that a run writes, in bytes."""


def find_memory_folder() -> Path | None:
    """The folder; None where there is none, it has too little room, or no program may be started in it."""
    if not _FOLDER.is_dir() or shutil.disk_usage(_FOLDER).free < _ROOM:
        return None
    return None if os.statvfs(_FOLDER).f_flag & os.ST_NOEXEC else _FOLDER
