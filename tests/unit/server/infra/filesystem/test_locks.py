from __future__ import annotations

import errno
import fcntl
import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from domain.errors import SettingsError
from server.adapters.engine.file_liveness import FileLiveness
from server.adapters.store.sqlite.store import SqliteStore
from server.composition.replicas.presence import hold_folder_presence
from server.infra.filesystem.locks import require_file_locks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["ENOLCK", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"])
def lockless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that answers so; there is none here to try."""

    def flock(descriptor: int, operation: int) -> None:
        code = getattr(errno, request.param)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.usefixtures("lockless")
async def test_whoever_needs_a_lock_refuses_a_file_system_without_any_and_names_the_folder(
    tmp_path: Path,
) -> None:
    with pytest.raises(SettingsError, match="does not support file locks") as told:
        await SqliteStore(tmp_path / "store.sqlite").open()
    assert str(tmp_path) in told.value.message
    for begin in (
        FileLiveness(tmp_path).register,
        hold_folder_presence(tmp_path).__enter__,
        partial(require_file_locks, tmp_path / "later"),
    ):
        with pytest.raises(SettingsError, match="does not support file locks") as refused:
            begin()
        assert (str(tmp_path) in refused.value.message, refused.value.field) == (True, "data_dir")


def test_a_lock_that_keeps_nobody_out_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_file_locks(tmp_path)
    monkeypatch.setattr(fcntl, "flock", lambda _descriptor, _operation: None)
    with pytest.raises(SettingsError, match="does not support file locks"):
        require_file_locks(tmp_path / "made" / "later")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_which_nothing_can_be_tried_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(SettingsError, match=r"cannot be used: .*Input/output error"):
        require_file_locks(tmp_path)
