"""Where an archive stands below the root, and whether what stands there is ours."""

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
    """The folder of a place `{client_id}/{stage}/{dataset_type}/{dataset_id}`. Raises ArchiveFailedError."""
    parts = place.split("/")
    if len(parts) != DEPTH or not all(_PART.fullmatch(part) for part in parts):
        raise ArchiveFailedError(f"{place!r} is not the place of an archive.")
    return root.joinpath(*parts)


def check_no_links(root: Path, folder: Path) -> None:
    """The root is there and no link stands on the way to the folder. Raises ArchiveFailedError."""
    if not root.is_dir():
        raise ArchiveFailedError(f"The archive folder {root} is not there any more.")
    for step in _path_steps(root, folder):
        with translate_os_errors(ArchiveFailedError, "look at", step):
            linked = step.is_symlink()
        if linked:
            raise ArchiveFailedError(f"A symbolic link stands at {step}; archives are kept in real folders.")


def check_spelling(root: Path, folder: Path) -> None:
    """Nothing on the way is there under another spelling. Raises ArchiveFailedError.

    Where the file system does not tell upper from lower case, two such places would be one.
    """
    for step in _path_steps(root, folder):
        if not step.parent.is_dir():
            return
        for other in step.parent.iterdir():
            if other.name != step.name and other.name.casefold() == step.name.casefold():
                raise ArchiveFailedError(
                    f"{other} differs from {step.name} only in case; they could be mixed up."
                )


def check_owner(folder: Path) -> None:
    """What is in the folder, if anything, belongs to the dataset of its name. Raises ArchiveFailedError."""
    names = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    for name in sorted(names - NAMES):
        if draft_target_name(name) not in NAMES:
            raise ArchiveFailedError(f"{folder / name} is not a file of an archive; move it away.", file=name)
    said = {
        name: parse_dataset_id((folder / name).read_bytes()) for name in (MANIFEST, METADATA) if name in names
    }
    for name, dataset_id in said.items():
        if dataset_id not in (None, folder.name):
            raise ArchiveFailedError(
                f"{folder} holds the archive of {dataset_id}; it stays as it is.", file=name
            )
    if said and not any(said.values()):
        message = f"{folder} holds an archive that does not say whose it is; a person must look at it."
        raise ArchiveFailedError(message, file=min(said))


def list_archive_places(root: Path) -> list[str]:
    """Every place with a manifest, in order; links are not followed."""
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
