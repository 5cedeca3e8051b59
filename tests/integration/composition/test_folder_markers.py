"""Staging and archives are the folders that the store knows, or nobody's yet; any other is refused by name."""

from __future__ import annotations

import json
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain.errors import SettingsError, StoreFailedError
from domain.model.principal import Principal
from domain.ports import Setting
from server.adapters.store.postgres.store import PostgresStore
from server.adapters.store.sqlite.store import SqliteStore
from server.composition.diagnostics import run_doctor
from server.composition.process import open_services
from server.composition.replicas.folder_markers import (
    FOLDERS,
    SharedFolder,
    check_folder_marker,
    ensure_folder_markers,
)
from server.composition.replicas.startup_checks import shared_folders
from server.infra.postgres.dsn import parse_postgres_url
from server.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.ports import Store, UnitOfWork

KIM = Principal(subject="person:kim")


def staging(root: Path) -> SharedFolder:
    return SharedFolder("staging", root / "staging", "staging.url")


@asynccontextmanager
async def open_store(root: Path, database: str = "") -> AsyncIterator[Store]:
    async with (
        PostgresStore(parse_postgres_url(database)) if database else SqliteStore(root / "store.db") as opened
    ):
        yield opened


def markers(folder: SharedFolder) -> list[str]:
    return sorted(each.name for each in folder.path.iterdir())


async def refusal(store: Store, folder: SharedFolder) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        await ensure_folder_markers(store, [folder])
    with pytest.raises(SettingsError) as looked:
        await check_folder_marker(store, folder)
    assert (looked.value.message, looked.value.field) == (caught.value.message, folder.setting)
    assert str(folder.path) in caught.value.message
    assert caught.value.suggested_action
    return caught.value


@pytest.mark.each_store
async def test_the_first_start_marks_the_folders_and_the_next_ones_find_the_marks(
    tmp_path: Path, database: str
) -> None:
    folder = staging(tmp_path)
    async with open_store(tmp_path, database) as store:
        assert await check_folder_marker(store, folder) == "is marked at the first start"
        assert not folder.path.exists()
        await ensure_folder_markers(store, [folder])
        [name] = markers(folder)
        installation = await store.read(lambda uow: uow.installation)
    assert name.startswith(".dataset-lifecycle-staging-")
    assert json.loads((folder.path / name).read_text())["installation"] == installation
    async with open_store(tmp_path, database) as store:
        await ensure_folder_markers(store, [folder])
        assert await check_folder_marker(store, folder) == f"is marked as installation {installation}'s"
    assert markers(folder) == [name]


@pytest.mark.each_store
async def test_processes_that_start_at_once_leave_one_mark(tmp_path: Path, database: str) -> None:
    folder = staging(tmp_path)
    async with open_store(tmp_path, database) as one, open_store(tmp_path, database) as other:
        async with anyio.create_task_group() as tasks:
            for store in (one, other) * 4:
                tasks.start_soon(ensure_folder_markers, store, [folder])
        assert len(markers(folder)) == 1
        await ensure_folder_markers(other, [folder])


async def test_a_folder_that_is_in_use_from_before_is_marked_with_all_that_is_in_it(tmp_path: Path) -> None:
    folder = staging(tmp_path)
    (folder.path / "acme-1").mkdir(parents=True)
    (folder.path / "acme-1" / "1.jsonl").write_text("{}\n")
    async with open_store(tmp_path) as store:
        await ensure_folder_markers(store, [folder])
    assert (folder.path / "acme-1" / "1.jsonl").read_text() == "{}\n"


async def test_of_two_folders_at_the_first_start_one_wins_and_the_other_is_left_as_it_was(
    tmp_path: Path,
) -> None:
    right, wrong = staging(tmp_path / "right"), staging(tmp_path / "wrong")
    async with open_store(tmp_path) as store:

        class Late:
            """A store in which another process decides just before."""

            async def read(self, look_at: Any) -> Any:  # noqa: ANN401 - whatever is read
                return await store.read(look_at)

            async def transact(self, work: Any) -> Any:  # noqa: ANN401 - whatever is done
                await ensure_folder_markers(store, [right])
                return await store.transact(work)

        with pytest.raises(SettingsError, match="is not the one that this installation uses"):
            await ensure_folder_markers(Late(), [wrong])  # type: ignore[arg-type] # as much of a store as is needed
    assert markers(wrong) == []
    assert len(markers(right)) == 1


async def test_a_mark_whose_process_died_before_the_store_knew_is_used(tmp_path: Path) -> None:
    folder = staging(tmp_path)
    async with open_store(tmp_path) as store:
        await ensure_folder_markers(store, [folder])
        [name] = markers(folder)

        def forget(uow: UnitOfWork) -> None:
            uow.settings.put(FOLDERS, None)

        await store.transact(forget)
        await ensure_folder_markers(store, [folder])
    assert markers(folder) == [name]


async def test_a_mark_that_another_process_takes_back_meanwhile_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = staging(tmp_path)
    folder.path.mkdir()
    gone = folder.marker_path("0" * 32)
    listed = type(gone).iterdir
    monkeypatch.setattr(type(gone), "iterdir", lambda path: iter([*listed(path), gone]))
    async with open_store(tmp_path) as store:
        assert await check_folder_marker(store, folder) == "is marked at the first start"
        await ensure_folder_markers(store, [folder])
    monkeypatch.undo()
    assert len(markers(folder)) == 1


async def test_tokens_that_cannot_be_read_make_no_folder_the_installations_own(tmp_path: Path) -> None:
    folder = staging(tmp_path)
    async with open_store(tmp_path) as store:
        await store.transact(lambda uow: uow.settings.put(Setting("folders", object), ["newer"]))
        with pytest.raises(StoreFailedError, match="the setting 'folders'"):
            await ensure_folder_markers(store, [folder])
    assert not folder.path.exists()


@pytest.mark.parametrize("what", ["empty", "missing"])
async def test_a_share_that_is_not_mounted_is_refused(tmp_path: Path, what: str) -> None:
    folder = staging(tmp_path)
    async with open_store(tmp_path) as store:
        await ensure_folder_markers(store, [folder])
        shutil.rmtree(folder.path)
        if what == "empty":
            folder.path.mkdir()
        error = await refusal(store, folder)
        assert "is not the one that this installation uses" in error.message
        assert "Mount the folder" in error.suggested_action
    assert not folder.path.exists() or markers(folder) == []


async def test_a_folder_that_was_moved_with_its_mark_is_accepted(tmp_path: Path) -> None:
    folder, elsewhere = staging(tmp_path), staging(tmp_path / "new")
    async with open_store(tmp_path) as store:
        await ensure_folder_markers(store, [folder])
        shutil.copytree(folder.path, elsewhere.path)
        await ensure_folder_markers(store, [elsewhere])


@pytest.mark.parametrize("known", [True, False], ids=["later", "at the first start"])
async def test_another_installations_folder_is_refused(tmp_path: Path, *, known: bool) -> None:
    theirs = staging(tmp_path / "theirs")
    (tmp_path / "theirs").mkdir()
    async with open_store(tmp_path / "theirs") as store:
        await ensure_folder_markers(store, [theirs])
        other = await store.read(lambda uow: uow.installation)
    async with open_store(tmp_path) as store:
        if known:
            await ensure_folder_markers(store, [staging(tmp_path)])
            [name] = markers(staging(tmp_path))
            shutil.copy(theirs.path / markers(theirs)[0], theirs.path / name)
        error = await refusal(store, theirs)
    assert f"belongs to another installation ({other};" in error.message


@pytest.mark.parametrize("text", ["", "[]", "{}", "no json", "\0"])
async def test_a_damaged_mark_is_refused_and_left_for_a_person(tmp_path: Path, text: str) -> None:
    folder = staging(tmp_path)
    async with open_store(tmp_path) as store:
        await ensure_folder_markers(store, [folder])
        [name] = markers(folder)
        (folder.path / name).write_text(text)
        assert "is damaged" in (await refusal(store, folder)).message
    assert (folder.path / name).read_text() == text


async def test_a_link_in_the_place_of_a_mark_is_not_followed(tmp_path: Path) -> None:
    folder = staging(tmp_path)
    async with open_store(tmp_path) as store:
        await ensure_folder_markers(store, [folder])
        [name] = markers(folder)
        (folder.path / name).rename(tmp_path / "moved")
        (folder.path / name).symlink_to(tmp_path / "moved")
        assert "a symbolic link is in its place" in (await refusal(store, folder)).message


async def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    folder = staging(tmp_path)
    folder.path.write_text("a file")
    async with open_store(tmp_path) as store:
        assert "cannot be used: a part of its path is not a folder" in (await refusal(store, folder)).message


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    folder = staging(tmp_path / "file")
    async with open_store(tmp_path) as store:
        with pytest.raises(SettingsError, match="cannot be used: a part of its path is not a folder"):
            await ensure_folder_markers(store, [folder])


async def test_what_is_not_a_mark_of_this_kind_is_no_bother(tmp_path: Path) -> None:
    folder = staging(tmp_path)
    folder.path.mkdir()
    for name in (".dataset-lifecycle-staging-notes.json", ".dataset-lifecycle-archive-1.json", ".nfs0001"):
        (folder.path / name).write_text("somebody's")
    async with open_store(tmp_path) as store:
        await ensure_folder_markers(store, [folder])
        await ensure_folder_markers(store, [folder])
    assert len(markers(folder)) == 4


async def test_who_runs_sagas_or_reads_archives_is_refused_and_who_only_looks_is_not(tmp_path: Path) -> None:
    settings = load_settings({}, data_dir=tmp_path, cwd=tmp_path)
    async with open_services(settings, sagas=True):
        pass
    _, archives = shared_folders(settings)
    shutil.rmtree(archives.path)
    for sagas in (True, False):
        with pytest.raises(SettingsError, match=r"The archive folder .* is not the one") as caught:
            async with open_services(settings, sagas=sagas, folders=True):
                pass
        assert caught.value.field == "archival.storage_path"
    async with open_services(settings, sagas=False) as services:
        assert await services.archives.list_archives(KIM) == []
    [found] = [each for each in await run_doctor(settings) if each.area == "replicas"]
    assert not found.ok
    assert "archive folder" in found.message
