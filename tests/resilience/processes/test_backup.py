"""A copy that is taken in the middle of work is an installation that goes on with it, and nothing is done twice."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import pytest
from anyio import to_thread

from domain.errors import InvalidArgumentError, StoreFailedError
from domain.model.enums import DatasetType, JourneyState, TeardownReason
from server.composition import backup
from server.composition.backup import BackupManifest, create_backup
from server.composition.glean.platform import sandbox_path
from server.composition.process import open_services
from server.settings import load_settings
from tests.resilience.processes.conftest import EFFECTS_OF_ONE_PROVISION, wait_for_exit
from tests.resilience.processes.test_shutdown import (
    check_ready_once,
    finish_syncs,
    slow_down_syncs,
    start_provision,
)
from tests.support.content.docs_pages import load_page
from tests.support.servers.data_folder import KIM, ROOT, DataFolder, provision_request
from tests.support.state_snapshot import visible_effects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.resilience.processes.conftest import Run


async def test_a_copy_of_an_installation_at_work_goes_on_with_it_elsewhere_and_so_does_the_installation(
    data_folder: DataFolder, tmp_path: Path, start_process: Run
) -> None:
    slow_down_syncs(data_folder)
    working = start_process(data_folder, start_provision(data_folder))
    await data_folder.wait_for_sync()
    copy = DataFolder(tmp_path / "copies" / "copy", data_folder.repository)
    status, out, log = await wait_for_exit(
        start_process(data_folder, data_folder.command_line("backup", "--to", str(copy.data), "--json"))
    )
    assert status == 0, log
    told = json.loads(out)
    assert (told["running"], told["unstaged"], told["elsewhere"]) == (1, [], [])
    assert copy.data.stat().st_mode & 0o777 == 0o700

    finish_syncs(copy)
    await copy.finish_pending_work()
    await check_ready_once(copy)
    verify = copy.command_line("audit", "verify", "--head", told["audit_head"], "--json")
    status, out, log = await wait_for_exit(start_process(copy, verify))
    assert (status, json.loads(out)["intact"]) == (0, True), log

    finish_syncs(data_folder)
    status, out, log = await wait_for_exit(working)
    assert (status, json.loads(out)["status"]) == (0, "ready"), log
    await check_ready_once(data_folder)


@pytest.mark.parametrize("looked_at", [3, pytest.param(1000, marks=pytest.mark.exhaustive)])
async def test_whatever_moment_of_a_life_is_copied_the_copy_comes_to_the_same_end(
    data_folder: DataFolder, tmp_path: Path, start_process: Run, looked_at: int
) -> None:
    numbers, copies = count(), list[tuple[DataFolder, BackupManifest]]()

    async def copied_during(command: list[str]) -> None:
        process = start_process(data_folder, command)
        while process.poll() is None:
            copy = DataFolder(tmp_path / "copies" / f"{next(numbers)}", data_folder.repository)
            told = await to_thread.run_sync(create_backup, data_folder.settings, copy.data)
            if told.running:
                copies.append((copy, told))
        status, out, log = await wait_for_exit(process)
        assert status == 0, out + log

    await copied_during(start_provision(data_folder))
    await data_folder.complete_journey()
    dataset_id = (await data_folder.load_only_dataset()).dataset_id
    down = ("--dataset-id", dataset_id, "--reason", "journey_completed", "--json")
    await copied_during(data_folder.command_line("teardown", *down))

    assert copies
    ends = Counter[str]()
    for copy, told in copies[:: max(1, len(copies) // looked_at)]:
        assert told.unstaged == ()
        await copy.finish_pending_work()
        dataset = await copy.load_only_dataset()
        ends[dataset.status] += 1
        gone = Counter({"datasources.delete": 1}) if dataset.status == "archived" else Counter[str]()
        with copy.open_sandbox() as glean:
            assert visible_effects(glean) == EFFECTS_OF_ONE_PROVISION + gone
        staged = [each.name for each in copy.settings.staging.url.iterdir() if not each.name.startswith(".")]
        assert staged == ([] if gone else [dataset_id])
    assert set(ends) <= {"ready", "archived"}


async def test_the_pages_commands_restore_a_copy(
    data_folder: DataFolder, tmp_path: Path, start_process: Run
) -> None:
    program = tmp_path / "bin" / "dataset-lifecycle"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m server "$@" --data-dir {data_folder.data}\n')
    program.chmod(0o755)
    [restore] = [each.text for each in load_page("docs/backup.md").code_blocks("sh") if "mv " in each.text]
    assert (await wait_for_exit(start_process(data_folder, data_folder.command_line("clients", "list"))))[
        0
    ] == 0  # something is on record
    told = await to_thread.run_sync(create_backup, data_folder.settings, tmp_path / "backup-monday")
    async with data_folder.open_store() as store:
        installation = await store.read(lambda uow: uow.installation)
    shutil.rmtree(data_folder.data / "staging", ignore_errors=True)
    script = re.sub(r"--head \S+", f"--head {told.audit_head}", restore)
    script = script.replace("~/.local/share/dataset-lifecycle", str(data_folder.data)).partition(
        "dataset-lifecycle serve"
    )[0]
    done = start_process(
        data_folder,
        ["sh", "-e", "-c", f"cd {tmp_path}; PATH={program.parent}:$PATH; PYTHONPATH={ROOT}; {script}"],
    )
    status, out, log = await wait_for_exit(done)
    assert status == 0, log
    assert "the head that you gave" in out
    assert told.installation == installation
    assert f"installation {installation}" in out


async def test_what_happened_after_a_copy_was_taken_is_found_as_drift_and_nothing_is_deleted_for_it(
    data_folder: DataFolder, tmp_path: Path
) -> None:
    await data_folder.admit_dataset()
    await data_folder.finish_pending_work()
    gone = await data_folder.load_only_dataset()
    copy = DataFolder(tmp_path / "copy", data_folder.repository)
    await to_thread.run_sync(create_backup, data_folder.settings, copy.data)
    await data_folder.complete_journey()
    async with open_services(data_folder.settings, sagas=True) as services:
        down = await services.teardowns.start_or_attach(
            gone.dataset_id, TeardownReason.JOURNEY_COMPLETED, KIM
        )
        assert (await services.teardowns.wait(down, 60)).dataset.status == "archived"
        await services.registry.set_state("j1", JourneyState.ACTIVE, KIM)
        begun = await services.provisioning.start_or_attach(
            replace(provision_request(), dataset_type=DatasetType.JIRA_ISSUES), KIM
        )
        made = (await services.provisioning.wait(begun, 60)).dataset
    # Glean is never restored: here it is a file, which the copy gets as it is now.
    for each in copy.data.glob("glean-sandbox.sqlite*"):
        each.unlink()
    with data_folder.open_sandbox() as glean, sqlite3.connect(sandbox_path(copy.settings)) as now:
        with sqlite3.connect(sandbox_path(data_folder.settings)) as held:
            held.backup(now)
        before = glean.datasources()

    async with open_services(copy.settings, sagas=True) as services:
        page = await services.health.check(KIM)
        assert sorted((each.name, each.kind) for each in page.drift) == [
            (gone.name, "missing_connector"),
            (made.name, "unowned_connector"),
        ]
        await services.registry.set_state("j1", JourneyState.COMPLETED, KIM)
        down = await services.teardowns.start_or_attach(
            gone.dataset_id, TeardownReason.JOURNEY_COMPLETED, KIM
        )
        assert (await services.teardowns.wait(down, 60)).dataset.status == "archived"
    with copy.open_sandbox() as glean:
        assert glean.datasources() == before


async def test_what_is_removed_while_it_is_copied_is_in_the_copy_and_what_is_replaced_is_there_whole(
    data_folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging, archives = data_folder.settings.staging.url, data_folder.settings.archival.storage_path
    for path, text in ((staging / "d1" / "1.jsonl", "{}\n"), (archives / "a" / "manifest.json", "old")):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (archives / "a" / "sample.json").write_text("old")
    (staging / "d1" / ".2.jsonl.0123abcd.tmp").write_text("half")
    (staging / "link").symlink_to(tmp_path)
    real = backup._copy_databases  # noqa: SLF001 - the instant between the two copies of the folders

    def meanwhile(*given: object) -> object:
        shutil.rmtree(staging / "d1")
        (archives / "a" / "sample.json").unlink()
        (archives / "a" / "sample.json.zst").write_text("new")
        (archives / "a" / "manifest.json").write_text("new manifest")
        return real(*given)  # type: ignore[arg-type] # what it was given

    monkeypatch.setattr(backup, "_copy_databases", meanwhile)
    copy = tmp_path / "copy"
    await to_thread.run_sync(create_backup, data_folder.settings, copy)
    assert _files(copy / "staging") == {"d1/1.jsonl": "{}\n"}
    assert _files(copy / "archives") == {"a/manifest.json": "new manifest", "a/sample.json.zst": "new"}


def _files(folder: Path) -> dict[str, str]:
    found = (each for each in folder.rglob("*") if each.is_file() and not each.name.startswith(".data"))
    return {str(each.relative_to(folder)): each.read_text() for each in found}


async def test_a_dataset_without_its_documents_is_named_and_folders_outside_are_too(
    data_folder: DataFolder, tmp_path: Path
) -> None:
    await data_folder.admit_dataset()
    await data_folder.finish_pending_work()
    dataset_id = (await data_folder.load_only_dataset()).dataset_id
    shutil.rmtree(data_folder.settings.staging.url / dataset_id)
    told = await to_thread.run_sync(create_backup, data_folder.settings, tmp_path / "copy")
    assert told.unstaged == (dataset_id,)

    elsewhere = load_settings({"ARCHIVAL_PATH": str(tmp_path / "kept")}, data_dir=data_folder.data)
    told = await to_thread.run_sync(create_backup, elsewhere, tmp_path / "copy-2")
    assert told.elsewhere == (str(tmp_path / "kept"),)
    assert not (tmp_path / "copy-2" / "archives").exists()


async def test_the_key_of_open_questions_is_copied_and_stays_secret(
    data_folder: DataFolder, tmp_path: Path
) -> None:
    key = data_folder.data / "rounds.key"
    key.write_text("ab" * 32)
    key.chmod(0o600)
    await to_thread.run_sync(create_backup, data_folder.settings, tmp_path / "copy")
    copied = tmp_path / "copy" / "rounds.key"
    assert (copied.read_text(), copied.stat().st_mode & 0o777) == ("ab" * 32, 0o600)


def _there(folder: DataFolder, tmp_path: Path) -> Path:
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


def _inside(folder: DataFolder, tmp_path: Path) -> Path:
    return folder.data / "copies" / "copy"


@pytest.mark.parametrize(("place", "words"), [(_there, "exists already"), (_inside, "is inside of what")])
async def test_a_folder_that_will_not_do_is_refused_and_stays_as_it_is(
    data_folder: DataFolder, tmp_path: Path, place: Callable[[DataFolder, Path], Path], words: str
) -> None:
    to = place(data_folder, tmp_path)
    before = _everything(tmp_path)
    with pytest.raises(InvalidArgumentError, match=words):
        create_backup(data_folder.settings, to)
    assert _everything(tmp_path) == before


def _everything(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_where_nothing_is_there_is_nothing_to_copy(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="There is no store"):
        create_backup(load_settings({}, data_dir=tmp_path / "data"), tmp_path / "copy")


def test_a_store_on_postgresql_is_left_to_its_own_tools(tmp_path: Path) -> None:
    environ = {
        "DATABASE_URL": "postgresql://u@db/d",
        "GLEAN_API_KEY": "k",
        "GLEAN_BASE_URL": "https://g.example",
    }
    with pytest.raises(InvalidArgumentError, match="is on PostgreSQL") as caught:
        create_backup(load_settings(environ, data_dir=tmp_path), tmp_path / "copy")
    assert "pg_dump" in caught.value.suggested_action


async def test_what_fails_in_the_middle_leaves_nothing_behind(
    data_folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_BUSY_S", 0.05)
    to = tmp_path / "copies" / "copy"
    with closing(sqlite3.connect(data_folder.settings.store_path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(StoreFailedError, match=r"Could not copy .*: database is locked"):
            await to_thread.run_sync(create_backup, data_folder.settings, to)
    (tmp_path / "file").touch()
    with pytest.raises(StoreFailedError, match="File exists"):
        create_backup(data_folder.settings, tmp_path / "file" / "copy")
    assert list((tmp_path / "copies").iterdir()) == []
