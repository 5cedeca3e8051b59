"""Folder markers: files that prove that the staging and archive folders are the ones that belong to the store.

The first process on a store writes a marker into each folder and its token into the store. From then on, a folder
without that marker is the wrong one: a share that is not mounted, a mistyped path, or another installation's folder.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from anyio import to_thread

from domain.errors import SettingsError
from domain.ports import Setting
from server.infra.filesystem.durable import Draft, flush_folder
from server.infra.filesystem.errors import describe_os_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from domain.ports import Store, UnitOfWork

FOLDERS: Final = Setting("folders", dict[str, str])
"""The token of each folder, by its kind."""

_LONGEST: Final = 4096
_ABOUT: Final = "This folder belongs to an installation of dataset-lifecycle. Leave this file in it."
_TOKEN: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class SharedFolder:
    """A folder that all processes on a store share: its kind, its path, and the setting that names it."""

    kind: str
    path: Path
    setting: str

    def marker_path(self, token: str) -> Path:
        """The marker's path. It is hidden, so it is taken for no dataset; the token makes its name unique."""
        return self.path / f".dataset-lifecycle-{self.kind}-{token}.json"


async def ensure_folder_markers(store: Store, folders: Sequence[SharedFolder]) -> None:
    """Ensure that each folder has the marker that the store knows; write it if the store knows none yet.

    Raises SettingsError, naming the folder and the setting, for a wrong or unusable folder.
    """
    installation, known = await store.read(_load_tokens)
    for folder in folders:
        token = known.get(folder.kind)
        if token is None:
            token = await _claim_folder(store, folder, installation)
        await to_thread.run_sync(_require_marker, folder, installation, token)


async def check_folder_marker(store: Store, folder: SharedFolder) -> str:
    """Describe what `ensure_folder_markers` would find, without changing anything. Raises SettingsError."""
    installation, known = await store.read(_load_tokens)
    token = known.get(folder.kind)
    if token is None:
        await to_thread.run_sync(_find_own_token, folder, installation)
        return "is marked at the first start"
    await to_thread.run_sync(_require_marker, folder, installation, token)
    return f"is marked as installation {installation}'s"


def _load_tokens(uow: UnitOfWork) -> tuple[str, dict[str, str]]:
    return uow.installation, uow.settings.get(FOLDERS) or {}


async def _claim_folder(store: Store, folder: SharedFolder, installation: str) -> str:
    """Mark a folder, and return its token.

    Of processes that do this at once, the first transaction decides; the others delete their markers.
    """
    # A process may have died between marker and transaction: its marker is used again.
    existing = await to_thread.run_sync(_find_own_token, folder, installation)
    token = existing or secrets.token_hex(16)
    if existing is None:
        await to_thread.run_sync(_write_marker, folder, installation, token)
    decided = await store.transact(partial(_record_first_token, folder.kind, token))
    if decided != token and existing is None:
        await to_thread.run_sync(partial(folder.marker_path(token).unlink, missing_ok=True))
    return decided


def _record_first_token(kind: str, token: str, uow: UnitOfWork) -> str:
    _, known = _load_tokens(uow)
    uow.settings.put(FOLDERS, {kind: token} | known)
    return known.get(kind, token)


def _find_own_token(folder: SharedFolder, installation: str) -> str | None:
    """Find the token of a marker that this installation wrote. Raises SettingsError for another installation's."""
    try:
        names = sorted(each.name for each in folder.path.iterdir()) if folder.path.exists() else []
    except OSError as error:
        raise _unusable_folder_error(folder, error) from error
    prefix, suffix = folder.marker_path("\0").name.split("\0")
    tokens = [each.removeprefix(prefix).removesuffix(suffix) for each in names if each.startswith(prefix)]
    own = [each for each in tokens if _TOKEN.fullmatch(each) and _is_own_marker(folder, installation, each)]
    return own[0] if own else None


def _is_own_marker(folder: SharedFolder, installation: str, token: str) -> bool:
    """Whether a marker that was listed is this installation's. Raises SettingsError for another installation's."""
    try:
        _require_marker(folder, installation, token)
    except SettingsError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return False  # a process that starts at the same time was not the first, and has deleted its own
        raise
    return True


def _write_marker(folder: SharedFolder, installation: str, token: str) -> None:
    text = json.dumps({"about": _ABOUT, "folder": folder.kind, "installation": installation}, indent=1)
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        draft = Draft(folder.marker_path(token))
        try:
            draft.write(f"{text}\n".encode())
            draft.close()
            draft.publish()
        finally:
            draft.discard()
        flush_folder(folder.path)
    except OSError as error:
        raise _unusable_folder_error(folder, error) from error


def _require_marker(folder: SharedFolder, installation: str, token: str) -> None:
    """Raise SettingsError unless the marker with that token exists and is this installation's."""
    marker = folder.marker_path(token)
    try:
        # Neither a link nor a FIFO in a shared folder may redirect or block the start.
        handle = os.open(marker, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as opened:
            found = json.loads(opened.read(_LONGEST))
        whose = found["installation"]
    except FileNotFoundError as error:
        raise SettingsError(
            f"The {folder.kind} folder {folder.path} is not the one that this installation uses: "
            f"{marker.name} is not in it.",
            field=folder.setting,
            suggested_action=f"Mount the folder that every process here shares, or correct {folder.setting}. "
            "If you moved the folder, move all of its content, including hidden files.",
        ) from error
    except OSError as error:
        raise _unusable_folder_error(folder, error) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SettingsError(
            f"{marker} is damaged.",
            field=folder.setting,
            suggested_action="Have a person check that folder, and restore the file from a back-up.",
        ) from error
    if whose != installation:
        raise SettingsError(
            f"The {folder.kind} folder {folder.path} belongs to another installation ({whose}; "
            f"this one is {installation}).",
            field=folder.setting,
            suggested_action=f"Name a folder of this installation's own in {folder.setting}, "
            "or the database that the folder belongs to in store.url.",
        )


def _unusable_folder_error(folder: SharedFolder, error: OSError) -> SettingsError:
    return SettingsError(
        f"The {folder.kind} folder {folder.path} cannot be used: {describe_os_error(error)}.",
        field=folder.setting,
        suggested_action=f"Mount it, let this account write to it, or correct {folder.setting}.",
    )
