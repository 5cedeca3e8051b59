"""The file system that a folder is on: SQLite's locks cannot be trusted on one that comes over a network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/proc/self/mountinfo")
"""Every mount of this process, on Linux: proc_pid_mountinfo(5)."""
_NETWORK: Final = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
_MOUNT_POINT: Final = 4
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
"""How a space, a tab, a line feed and a backslash stand in a name there."""
_NETWORK_FUSE: Final = frozenset({"fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.sshfs", "fuse.gcsfuse"})


def find_network_file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of the file system of a folder, or of its nearest parent, when it comes over a network; else None.

    None also where the mounts cannot be read, which is so on other systems than Linux. SQLite says why it matters:
    https://sqlite.org/faq.html#q5.
    """
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    path = existing.resolve()
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    found: tuple[int, str] = (0, "")
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) > _MOUNT_POINT and kind:
            point = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[_MOUNT_POINT]))
            # The last mount of a place hides those before it.
            if path.is_relative_to(point) and len(point.parts) >= found[0]:
                found = (len(point.parts), kind[0])
    return found[1] if found[1] in _NETWORK | _NETWORK_FUSE else None
