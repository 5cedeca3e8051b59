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
from domain.vocabulary import DatasetType, JourneyState, TeardownReason
from server import backing_up
from server.backing_up import BackUp, back_up
from server.settings import load
from server.wiring import running, sandbox_path
from tests.docs.pages import page
from tests.pictures import effects
from tests.processes.conftest import ONCE, over
from tests.processes.folder import KIM, ROOT, Folder, request
from tests.processes.test_endings import over_syncs, provision, ready, slow_syncs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.processes.conftest import Run


async def test_a_copy_of_an_installation_at_work_goes_on_with_it_elsewhere_and_so_does_the_installation(
    folder: Folder, tmp_path: Path, run: Run
) -> None:
    slow_syncs(folder)
    working = run(folder, provision(folder))
    await folder.syncing()
    copy = Folder(tmp_path / "copies" / "copy", folder.repository)
    status, out, log = await over(run(folder, folder.command("backup", "--to", str(copy.data), "--json")))
    assert status == 0, log
    told = json.loads(out)
    assert (told["running"], told["unstaged"], told["elsewhere"]) == (1, [], [])
    assert copy.data.stat().st_mode & 0o777 == 0o700

    over_syncs(copy)
    await copy.finish()
    await ready(copy)
    verify = copy.command("audit", "verify", "--head", told["audit_head"], "--json")
    status, out, log = await over(run(copy, verify))
    assert (status, json.loads(out)["intact"]) == (0, True), log

    over_syncs(folder)
    status, out, log = await over(working)
    assert (status, json.loads(out)["status"]) == (0, "ready"), log
    await ready(folder)


@pytest.mark.parametrize("looked_at", [3, pytest.param(1000, marks=pytest.mark.exhaustive)])
async def test_whatever_moment_of_a_life_is_copied_the_copy_comes_to_the_same_end(
    folder: Folder, tmp_path: Path, run: Run, looked_at: int
) -> None:
    numbers, copies = count(), list[tuple[Folder, BackUp]]()

    async def copied_during(command: list[str]) -> None:
        process = run(folder, command)
        while process.poll() is None:
            copy = Folder(tmp_path / "copies" / f"{next(numbers)}", folder.repository)
            told = await to_thread.run_sync(back_up, folder.settings, copy.data)
            if told.running:
                copies.append((copy, told))
        assert (await over(process))[0] == 0

    await copied_during(provision(folder))
    await folder.complete()
    dataset_id = (await folder.dataset()).dataset_id
    down = ("--dataset-id", dataset_id, "--reason", "journey_completed", "--json")
    await copied_during(folder.command("teardown", *down))

    assert copies
    ends = Counter[str]()
    for copy, told in copies[:: max(1, len(copies) // looked_at)]:
        assert told.unstaged == ()
        await copy.finish()
        dataset = await copy.dataset()
        ends[dataset.status] += 1
        gone = Counter({"datasources.delete": 1}) if dataset.status == "archived" else Counter[str]()
        with copy.sandbox() as glean:
            assert effects(glean) == ONCE + gone
        staged = [each.name for each in copy.settings.staging.url.iterdir() if not each.name.startswith(".")]
        assert staged == ([] if gone else [dataset_id])
    assert set(ends) <= {"ready", "archived"}


async def test_the_pages_commands_restore_a_copy(folder: Folder, tmp_path: Path, run: Run) -> None:
    program = tmp_path / "bin" / "dataset-lifecycle"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m server "$@" --data-dir {folder.data}\n')
    program.chmod(0o755)
    [restore] = [each.text for each in page("docs/backup.md").fences("sh") if "mv " in each.text]
    assert (await over(run(folder, folder.command("clients", "list"))))[0] == 0  # something is on record
    told = await to_thread.run_sync(back_up, folder.settings, tmp_path / "backup-monday")
    async with folder.store() as store:
        installation = await store.read(lambda records: records.installation)
    shutil.rmtree(folder.data / "staging", ignore_errors=True)
    script = re.sub(r"--head \S+", f"--head {told.audit_head}", restore)
    script = script.replace("~/.local/share/dataset-lifecycle", str(folder.data)).partition(
        "dataset-lifecycle serve"
    )[0]
    done = run(
        folder, ["sh", "-e", "-c", f"cd {tmp_path}; PATH={program.parent}:$PATH; PYTHONPATH={ROOT}; {script}"]
    )
    status, out, log = await over(done)
    assert status == 0, log
    assert "leads through" in out
    assert told.installation == installation
    assert f"installation {installation}" in out


async def test_what_happened_after_a_copy_was_taken_is_found_as_drift_and_nothing_is_deleted_for_it(
    folder: Folder, tmp_path: Path
) -> None:
    await folder.admit()
    await folder.finish()
    gone = await folder.dataset()
    copy = Folder(tmp_path / "copy", folder.repository)
    await to_thread.run_sync(back_up, folder.settings, copy.data)
    await folder.complete()
    async with running(folder.settings, sagas=True) as services:
        down = await services.teardowns.start_or_attach(
            gone.dataset_id, TeardownReason.JOURNEY_COMPLETED, KIM
        )
        assert (await services.teardowns.wait(down, 60)).dataset.status == "archived"
        await services.registry.set_state("j1", JourneyState.ACTIVE, KIM)
        begun = await services.provisioning.start_or_attach(
            replace(request(), dataset_type=DatasetType.JIRA_ISSUES), KIM
        )
        made = (await services.provisioning.wait(begun, 60)).dataset
    # Glean is never restored: here it is a file, which the copy gets as it is now.
    for each in copy.data.glob("glean-sandbox.sqlite*"):
        each.unlink()
    with folder.sandbox() as glean, sqlite3.connect(sandbox_path(copy.settings)) as now:
        with sqlite3.connect(sandbox_path(folder.settings)) as held:
            held.backup(now)
        before = glean.datasources()

    async with running(copy.settings, sagas=True) as services:
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
    with copy.sandbox() as glean:
        assert glean.datasources() == before


async def test_what_is_removed_while_it_is_copied_is_in_the_copy_and_what_is_replaced_is_there_whole(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging, archives = folder.settings.staging.url, folder.settings.archival.storage_path
    for path, text in ((staging / "d1" / "1.jsonl", "{}\n"), (archives / "a" / "manifest.json", "old")):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (archives / "a" / "sample.json").write_text("old")
    (staging / "d1" / ".2.jsonl.0123abcd.tmp").write_text("half")
    (staging / "link").symlink_to(tmp_path)
    real = backing_up._copy_databases  # noqa: SLF001 - the instant between the two copies of the folders

    def meanwhile(*given: object) -> object:
        shutil.rmtree(staging / "d1")
        (archives / "a" / "sample.json").unlink()
        (archives / "a" / "sample.json.zst").write_text("new")
        (archives / "a" / "manifest.json").write_text("new manifest")
        return real(*given)  # type: ignore[arg-type] # what it was given

    monkeypatch.setattr(backing_up, "_copy_databases", meanwhile)
    copy = tmp_path / "copy"
    await to_thread.run_sync(back_up, folder.settings, copy)
    assert _files(copy / "staging") == {"d1/1.jsonl": "{}\n"}
    assert _files(copy / "archives") == {"a/manifest.json": "new manifest", "a/sample.json.zst": "new"}


def _files(folder: Path) -> dict[str, str]:
    found = (each for each in folder.rglob("*") if each.is_file() and not each.name.startswith(".data"))
    return {str(each.relative_to(folder)): each.read_text() for each in found}


async def test_a_dataset_without_its_documents_is_named_and_folders_outside_are_too(
    folder: Folder, tmp_path: Path
) -> None:
    await folder.admit()
    await folder.finish()
    dataset_id = (await folder.dataset()).dataset_id
    shutil.rmtree(folder.settings.staging.url / dataset_id)
    told = await to_thread.run_sync(back_up, folder.settings, tmp_path / "copy")
    assert told.unstaged == (dataset_id,)

    elsewhere = load({"ARCHIVAL_PATH": str(tmp_path / "kept")}, data_dir=folder.data)
    told = await to_thread.run_sync(back_up, elsewhere, tmp_path / "copy-2")
    assert told.elsewhere == (str(tmp_path / "kept"),)
    assert not (tmp_path / "copy-2" / "archives").exists()


async def test_the_key_of_open_questions_is_copied_and_stays_secret(folder: Folder, tmp_path: Path) -> None:
    key = folder.data / "rounds.key"
    key.write_text("ab" * 32)
    key.chmod(0o600)
    await to_thread.run_sync(back_up, folder.settings, tmp_path / "copy")
    copied = tmp_path / "copy" / "rounds.key"
    assert (copied.read_text(), copied.stat().st_mode & 0o777) == ("ab" * 32, 0o600)


def _there(folder: Folder, tmp_path: Path) -> Path:
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


def _inside(folder: Folder, tmp_path: Path) -> Path:
    return folder.data / "copies" / "copy"


@pytest.mark.parametrize(("place", "words"), [(_there, "is there already"), (_inside, "is inside of what")])
async def test_a_folder_that_will_not_do_is_refused_and_stays_as_it_is(
    folder: Folder, tmp_path: Path, place: Callable[[Folder, Path], Path], words: str
) -> None:
    to = place(folder, tmp_path)
    before = _everything(tmp_path)
    with pytest.raises(InvalidArgumentError, match=words):
        back_up(folder.settings, to)
    assert _everything(tmp_path) == before


def _everything(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_where_nothing_is_there_is_nothing_to_copy(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="There is no store"):
        back_up(load({}, data_dir=tmp_path / "data"), tmp_path / "copy")


def test_a_store_on_postgresql_is_left_to_its_own_tools(tmp_path: Path) -> None:
    environ = {
        "DATABASE_URL": "postgresql://u@db/d",
        "GLEAN_API_KEY": "k",
        "GLEAN_BASE_URL": "https://g.example",
    }
    with pytest.raises(InvalidArgumentError, match="is on PostgreSQL") as caught:
        back_up(load(environ, data_dir=tmp_path), tmp_path / "copy")
    assert "pg_dump" in caught.value.suggested_action


async def test_what_fails_in_the_middle_leaves_nothing_behind(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backing_up, "_BUSY_S", 0.05)
    to = tmp_path / "copies" / "copy"
    with closing(sqlite3.connect(folder.settings.store_path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(StoreFailedError, match=r"Could not copy .*: database is locked"):
            await to_thread.run_sync(back_up, folder.settings, to)
    (tmp_path / "file").touch()
    with pytest.raises(StoreFailedError, match="File exists"):
        back_up(folder.settings, tmp_path / "file" / "copy")
    assert list((tmp_path / "copies").iterdir()) == []
