"""Durable files: each exists whole or not at all, even after a power failure."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TEMPORARY: Final = re.compile(r"\.(?P<final>.+)\.[0-9a-f]{8}\.tmp")


class Draft:
    """A file that is written under a temporary name beside its final path, until it is published."""

    def __init__(self, final: Path) -> None:
        """Create the temporary file; its folder must exist."""
        self.final = final
        self._create()

    def claim(self) -> None:
        """Claim it, before anything is written, until it is closed or this process has ended.

        `remove_abandoned_drafts` leaves it alone meanwhile.
        """
        # A file system without locks has no claims, and there nothing is removed either.
        with suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        if not os.fstat(self._descriptor).st_nlink:  # somebody removed it before it was claimed
            self._close_descriptor()
            self._create()
            self.claim()

    def write(self, data: bytes) -> int:
        """Append all of `data`; its length."""
        view = memoryview(data)
        # A write may be partial, for example when a signal arrives or the disk is nearly full.
        while view:
            view = view[os.write(self._descriptor, view) :]
        return len(data)

    def flush(self) -> None:
        """Flush the data to the disk, which has to be done before it is published."""
        # Otherwise a power failure may leave the final name with an empty file.
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Flush the data to the disk and close the file."""
        self.flush()
        self._close_descriptor()

    def publish(self) -> None:
        """Rename the closed file to its final name, replacing any file there. The folder still has to be flushed."""
        self._path.replace(self.final)

    def publish_new(self) -> None:
        """Give the closed file its final name. Raises FileExistsError where there is a file of that name."""
        try:
            os.link(self._path, self.final, follow_symlinks=False)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: the best that is left
            if self.final.exists():
                raise FileExistsError(self.final) from None
            self.publish()
        else:
            self._path.unlink()

    def discard(self) -> None:
        """Delete the temporary file; does nothing after `publish`."""
        self._close_descriptor()
        self._path.unlink(missing_ok=True)

    def _create(self) -> None:
        self._path = self.final.with_name(f".{self.final.name}.{secrets.token_hex(4)}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o666)
        self._open = True

    def _close_descriptor(self) -> None:
        if self._open:
            self._open = False
            os.close(self._descriptor)


def draft_target_name(name: str) -> str | None:
    """The final name of a draft, from the name of its temporary file; None for other files."""
    parts = _TEMPORARY.fullmatch(name)
    return parts and parts["final"]


def remove_abandoned_drafts(folder: Path, finals: Callable[[str], bool]) -> None:
    """Remove the drafts in a folder that nobody claims any more: whoever wrote them was killed.

    `finals` says of a final name whether its drafts are meant; all of them must have been claimed when they were made.
    """
    for each in list(folder.iterdir()):
        final = draft_target_name(each.name)
        if final is None or not finals(final):
            continue
        with suppress(OSError):  # claimed, gone meanwhile, or not ours to open
            descriptor = os.open(each, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                each.unlink()
            finally:
                os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, so that created, renamed and deleted names survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(root: Path, *parts: str) -> Path:
    """Create the folder `root/…parts` where it does not exist, and flush its parents; the folder."""
    folder = root
    for part in parts:
        parent, folder = folder, folder / part
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        flush_folder(parent)
    return folder
