"""A back-up whose folder has no room: the folder that is full is named, not the one that is copied."""

from __future__ import annotations

import os
import resource
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest

from domain.errors import Recovery, StoreFailedError
from server.adapters.store.sqlite.store import SqliteStore
from server.composition.backup import create_backup
from server.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.settings import Settings


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process grows beyond that size, as on a disk without room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a data folder with a store and a staged file of 100 kB."""
    made = load_settings({}, data_dir=tmp_path / "data")
    made.staging.url.mkdir(parents=True)
    (made.staging.url / "documents").write_bytes(os.urandom(100_000))

    async def make_store() -> None:
        async with SqliteStore(made.store_path):
            pass

    anyio.run(make_store)
    return made


def failure_of(settings: Settings, to: Path) -> StoreFailedError:
    with pytest.raises(StoreFailedError) as caught:
        create_backup(settings, to)
    assert list(to.parent.iterdir()) == []
    return caught.value


def test_a_file_that_finds_no_room_is_said_of_the_folder_of_the_back_up(
    settings: Settings, tmp_path: Path
) -> None:
    to = tmp_path / "copies" / "monday"
    with largest_file(50_000):
        failure = failure_of(settings, to)
    assert (
        failure.message == f"Could not write to {to}: the file would be larger than this process may write."
    )
    assert failure.recovery is Recovery.NEEDS_HUMAN
    assert str(failure.suggested_action).startswith("Make room there, or name a folder on another disk.")


def test_a_database_that_finds_no_room_is_said_of_the_folder_of_the_back_up(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, to = sqlite3.connect, tmp_path / "copies" / "monday"

    def connect_small(path: object, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(cast("str", path), **options)
        if tmp_path / "copies" in Path(str(path)).parents:
            connection.execute("pragma max_page_count = 2")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_small)
    assert failure_of(settings, to).message == f"Could not write to {to}: the disk is full."


def test_a_copy_that_fails_on_either_disk_names_both(settings: Settings, tmp_path: Path) -> None:
    (settings.staging.url / "documents").unlink()
    to = tmp_path / "copies" / "monday"
    with largest_file(40_000):  # more than the index of a log, which the store gets when it is opened
        failure = failure_of(settings, to)
    why = "the disk could not be read or written"
    assert failure.message == f"Could not copy {settings.store_path} to {to}: {why}."
