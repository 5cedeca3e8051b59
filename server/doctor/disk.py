"""Finding about the disk of the data folder: whether SQLite can trust its locks there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from server.doctor.report import Finding
from server.infra.filesystem.mounts import find_network_file_system

if TYPE_CHECKING:
    from collections.abc import Sequence

    from server.settings import Settings

AREA: Final = "disk"
_ACTION: Final = (
    "Put the data folder (data_dir) on a local disk; for several machines, use PostgreSQL (store.url)."
)


def describe_network_disk(settings: Settings) -> str | None:
    """What is wrong with the disk of the data folder, when SQLite files are kept on one that comes over a network."""
    kind = None if settings.store.shared else find_network_file_system(settings.data_dir)
    if kind is None:
        return None
    return (
        f"the data folder {settings.data_dir} is on a network file system ({kind}), where file locks cannot be "
        "trusted: two processes could damage the store, or do the same work"
    )


def check_disk(settings: Settings) -> Sequence[Finding]:
    """A warning where SQLite is on a network file system; nothing otherwise."""
    problem = describe_network_disk(settings)
    if problem is None:
        return ()
    return (Finding(area=AREA, ok=True, warning=True, message=problem, action=_ACTION),)
