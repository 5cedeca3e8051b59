"""Files that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_TEMPORARY: Final = re.compile(r"\.(?P<final>.+)\.[0-9a-f]{8}\.tmp")


class Draft:
    """A file being written beside its final place, under a temporary name until it is published."""

    def __init__(self, final: Path) -> None:
        """Create the temporary file; its folder must be there."""
        self.final = final
        self._path = final.with_name(f".{final.name}.{secrets.token_hex(4)}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o666)
        self._open = True

    def write(self, data: bytes) -> int:
        """Append all of `data`."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        return len(data)

    def close(self) -> None:
        """Bring what was written to the disk; nothing more can be written."""
        os.fsync(self._descriptor)
        self._close_descriptor()

    def publish(self) -> None:
        """Give the closed file its final name, in place of what had it. The folder is still to be flushed."""
        self._path.replace(self.final)

    def discard(self) -> None:
        """Leave nothing behind; after `publish`, nothing happens."""
        self._close_descriptor()
        self._path.unlink(missing_ok=True)

    def _close_descriptor(self) -> None:
        if self._open:
            self._open = False
            os.close(self._descriptor)


def draft_target_name(name: str) -> str | None:
    """The name that a draft was to be published under, from the name of its temporary file; None for others."""
    parts = _TEMPORARY.fullmatch(name)
    return parts and parts["final"]


def flush_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk, so that names given, moved and removed in it stay so."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(root: Path, *parts: str) -> Path:
    """The folder `root/…parts`, made where it is not there and flushed into its parents."""
    folder = root
    for part in parts:
        parent, folder = folder, folder / part
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        flush_folder(parent)
    return folder
