"""Archive folders: their paths below the root, and the checks before one is read, written or deleted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from domain.errors import ArchiveFailedError
from server.adapters.archives.format import MANIFEST, METADATA, NAMES, parse_dataset_id
from server.infra.filesystem.durable import draft_target_name
from server.infra.filesystem.errors import translate_os_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEPTH: Final = 4
_PART: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def archive_folder(root: Path, place: str) -> Path:
    """The folder of a place, `{client_id}/{stage}/{dataset_type}/{dataset_id}`. Raises ArchiveFailedError."""
    parts = place.split("/")
    if len(parts) != DEPTH or not all(_PART.fullmatch(part) for part in parts):
        raise ArchiveFailedError(f"{place!r} is not the place of an archive.")
    return root.joinpath(*parts)


def check_no_links(root: Path, folder: Path) -> None:
    """Check that the root exists and that no part of the path below it is a link. Raises ArchiveFailedError."""
    if not root.is_dir():
        raise ArchiveFailedError(f"The archive folder {root} no longer exists.")
    for step in _path_steps(root, folder):
        with translate_os_errors(ArchiveFailedError, "inspect", step):
            linked = step.is_symlink()
        if linked:
            raise ArchiveFailedError(f"{step} is a symbolic link; an archive needs a real folder.")


def check_spelling(root: Path, folder: Path) -> None:
    """Check that no part of the path exists in another case. Raises ArchiveFailedError.

    On a file system that ignores case, two such places would be one folder.
    """
    for step in _path_steps(root, folder):
        if not step.parent.is_dir():
            return
        for other in step.parent.iterdir():
            if other.name != step.name and other.name.casefold() == step.name.casefold():
                raise ArchiveFailedError(
                    f"{other} differs from {step.name} only in case; the two could be confused."
                )


def check_owner(folder: Path) -> None:
    """Check that the files in the folder, if any, belong to the dataset of its name. Raises ArchiveFailedError."""
    names = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    for name in sorted(names - NAMES):
        if draft_target_name(name) not in NAMES:
            raise ArchiveFailedError(f"{folder / name} is not a file of an archive; move it away.", file=name)
    owners = {
        name: parse_dataset_id((folder / name).read_bytes()) for name in (MANIFEST, METADATA) if name in names
    }
    for name, dataset_id in owners.items():
        if dataset_id not in (None, folder.name):
            raise ArchiveFailedError(
                f"{folder} contains the archive of {dataset_id}; nothing was changed.", file=name
            )
    if owners and not any(owners.values()):
        message = f"{folder} contains an archive whose owner cannot be read; a person has to inspect it."
        raise ArchiveFailedError(message, file=min(owners))


def list_archive_places(root: Path) -> list[str]:
    """Every place that has a manifest, sorted; links are not followed."""
    folders = [root]
    for _level in range(DEPTH):
        folders = [
            each for folder in folders for each in folder.iterdir() if each.is_dir() and not each.is_symlink()
        ]
    return sorted("/".join(each.parts[-DEPTH:]) for each in folders if (each / MANIFEST).is_file())


def _path_steps(root: Path, folder: Path) -> Iterator[Path]:
    step = root
    for part in folder.relative_to(root).parts:
        step /= part
        yield step
