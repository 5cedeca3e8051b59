"""Missing templates: why a repository has none, and what to do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from domain.errors import MockDataMissingError

if TYPE_CHECKING:
    from pathlib import Path

_SUBMODULE: Final = re.compile(r"^\s*path\s*=\s*(.+?)\s*$", re.MULTILINE)


def require_templates_folder(repository: Path, subdir: str) -> None:
    """Check that the folder of templates exists. Raises MockDataMissingError, which says what to do."""
    folder = repository / subdir
    try:
        if folder.is_dir():
            return
        submodule = find_uninitialised_submodule(folder)
        exists = repository.is_dir()
    except OSError as error:
        raise unreadable_repository_error(folder, error) from None
    if submodule is not None:
        home, path = submodule
        raise MockDataMissingError(
            f"The mock-data repository is a git submodule that was not initialised: {home / path} is empty.",
            field=_FIELD,
            suggested_action=f"Run `git -C {home} submodule update --init {path}` and call again.",
        )
    if not exists:
        raise MockDataMissingError(f"There is no mock-data repository at {repository}.", field=_FIELD)
    raise MockDataMissingError(
        f"{repository} has no folder {subdir}.",
        field="mock_data_repo.templates_subdir",
        suggested_action="Check mock_data_repo.templates_subdir, or arrange the repository as its docs describe.",
    )


def unreadable_repository_error(folder: Path, error: OSError) -> MockDataMissingError:
    """The error for a repository that exists but cannot be read."""
    return MockDataMissingError(f"{folder} cannot be read: {error.strerror}.", field=_FIELD)


def no_templates_error(repository: Path, subdir: str) -> MockDataMissingError:
    """The error for a folder that has no templates."""
    submodule = find_uninitialised_submodule(repository / subdir)
    action = f"Run `git -C {submodule[0]} submodule update --init {submodule[1]}`." if submodule else None
    return MockDataMissingError(
        f"{repository / subdir} contains no templates.",
        field=_FIELD,
        suggested_action=action or "Add templates as industry/use_case/dataset_type.json (or .jsonl, .csv).",
    )


_FIELD: Final = "mock_data_repo.path"


def find_uninitialised_submodule(folder: Path) -> tuple[Path, str] | None:
    """The checkout and the path of the uninitialised submodule that would contain this folder; None without one."""
    for home in folder.absolute().parents:
        modules = home / ".gitmodules"
        for path in _SUBMODULE.findall(modules.read_text("utf-8", "replace")) if modules.is_file() else ():
            inside = home / path
            is_ours = inside in (folder.absolute(), *folder.absolute().parents)
            if is_ours and not (inside / ".git").exists() and not (inside.is_dir() and any(inside.iterdir())):
                return home, path
    return None
