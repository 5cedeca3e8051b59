from __future__ import annotations

from pathlib import Path

import pytest

from server.infra.filesystem.mounts import find_network_file_system

LINES = """\
22 1 254:0 / / rw,relatime - ext4 /dev/root rw
30 22 0:25 / /mnt/share rw shared:7 - nfs4 server:/share rw
31 30 0:26 / /mnt/share/local rw - ext4 /dev/sdb rw
32 22 0:27 / /mnt/with\\040space rw - cifs //server/x rw
33 22 0:28 / /mnt/twice rw - nfs server:/one rw
34 22 0:29 / /mnt/twice rw - xfs /dev/sdc rw
35 22 0:30 / /mnt/ssh rw - fuse.sshfs kim@server: rw
36 22 0:31 / /mnt/files rw - fuse.ntfs-3g /dev/sdd rw
37 22 0:31 / /mnt/数据 rw - nfs server:/data rw
an odd line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/mnt/share", "nfs4"),
        ("/mnt/share/deep/er", "nfs4"),
        ("/mnt/share/local/data", None),
        ("/mnt/sharemore", None),
        ("/mnt/with space/data", "cifs"),
        ("/mnt/twice/data", None),
        ("/mnt/ssh", "fuse.sshfs"),
        ("/mnt/files", None),
        ("/mnt/数据/sets", "nfs"),
        ("/home/kim", None),
    ],
)
def test_the_innermost_and_last_mount_says_whether_it_comes_over_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, kind: str | None
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(LINES, encoding="utf-8")
    monkeypatch.setattr(Path, "exists", lambda _: True)
    assert find_network_file_system(Path(folder), mounts) == kind


def test_where_the_mounts_cannot_be_read_nothing_is_said(tmp_path: Path) -> None:
    assert find_network_file_system(tmp_path / "not" / "there", tmp_path / "none") is None
