"""Staging and archive folders that vanish, fill up, turn read-only or change what was written."""

from __future__ import annotations

import errno
import os
import shutil
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import pytest

from server.infra.filesystem.durable import Draft
from tests.support.resilience.faults.injection import run_with_breakage, sampled_params

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.resilience.faults.conftest import ScenarioRunner
    from tests.support.world import World

UP: Final = ("provision", "retry", "second attempt")
STAGING_STEPS: Final = [
    *((scene, step) for scene in ("provision", "retry") for step in ("populate", "push", "index")),
    *(("undoing a provision", step) for step in ("undo index", "undo populate")),
    *(("undoing a retry", step) for step in ("undo index", "undo populate")),
    *(("teardown", step) for step in ("archive", "disconnect", "delete")),
]
ARCHIVE_STEPS: Final = ("archive", "disconnect", "delete")
ERRORS: Final = {"full": errno.ENOSPC, "read-only": errno.EROFS, "broken": errno.EIO}


class FailingDisk:
    """A folder whose disk refuses to be written to, as long as it is `broken`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: str, code: int, moment: str) -> None:
        self.broken = False
        self._folder = folder
        self._code = code
        for owner, name in MOMENTS[moment]:
            monkeypatch.setattr(owner, name, self._guard(getattr(owner, name)))

    def toggle(self, _: World) -> None:
        """Break it, or mend it."""
        self.broken = not self.broken

    def _guard(self, work: Callable[..., object]) -> Callable[..., object]:
        def call_guarded(first: object, *given: object, **named: object) -> object:
            paths = (first, *given, getattr(first, "final", None))
            if self.broken and any(f"/{self._folder}/" in f"{each}/" for each in paths):
                raise OSError(self._code, os.strerror(self._code))
            return work(first, *given, **named)

        return call_guarded


MOMENTS: Final[dict[str, list[tuple[Any, str]]]] = {
    "opened": [(Draft, "__init__")],
    "written": [(Draft, "write")],
    "closed": [(Draft, "close")],
    "published": [(Draft, "publish")],
    "emptied": [(shutil, "rmtree"), (os, "unlink")],
}
REFUSALS: Final = list(
    product(
        (*UP, "undoing a provision", "undoing a retry", "teardown"), ("staging", "archives"), MOMENTS, ERRORS
    )
)


@pytest.mark.parametrize(("scene", "folder", "moment", "why"), sampled_params(REFUSALS, 7))
async def test_a_disk_that_refuses_at_any_moment_ends_truthfully(
    scenario_runner: ScenarioRunner,
    read_output: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    scene: str,
    folder: str,
    moment: str,
    why: str,
) -> None:
    disk = FailingDisk(monkeypatch, folder, ERRORS[why], moment)

    ended = await run_with_breakage(
        scenario_runner, scene, read_output, before_it=disk.toggle, mend=disk.toggle
    )
    if scene == "teardown" and (folder == "archives") is (moment != "emptied"):
        assert ended.startswith(
            "teardown: archive_failed at archive" if folder == "archives" else "teardown: "
        )


class BeforeStepOnce:
    """Does something before a step, and never again."""

    def __init__(self, step: str, do: Callable[[], None]) -> None:
        self._step = step
        self._do: Callable[[], None] | None = do

    def __call__(self, step: str, moment: str) -> None:
        if (step, moment) == (self._step, "before") and self._do:
            self._do()
            self._do = None


def _move_folder_away(folder: Path) -> None:
    folder.rename(folder.with_name(f"{folder.name} away"))


def _move_folder_back(folder: Path) -> None:
    if folder.with_name(f"{folder.name} away").exists():
        if folder.is_dir():
            folder.rmdir()
        folder.unlink(missing_ok=True)
        folder.with_name(f"{folder.name} away").rename(folder)


def _replace_folder(folder: Path) -> None:
    _move_folder_away(folder)
    folder.write_bytes(b"a file")


VANISHINGS: Final = [
    (scene, step, folder, harm)
    for scene, step, folder in (
        *((scene, step, "staging") for scene, step in STAGING_STEPS),
        *(("teardown", step, "archives") for step in ARCHIVE_STEPS),
    )
    for harm in (_move_folder_away, _replace_folder)
]


@pytest.mark.parametrize(("scene", "step", "folder", "harm"), sampled_params(VANISHINGS, 3))
async def test_a_folder_that_vanishes_at_any_step_ends_truthfully(
    scenario_runner: ScenarioRunner,
    read_output: Callable[[], str],
    scene: str,
    step: str,
    folder: str,
    harm: Callable[[Path], None],
) -> None:
    ended = await run_with_breakage(
        scenario_runner,
        scene,
        read_output,
        hook=lambda place: BeforeStepOnce(step, lambda: harm(place.folder / folder)),
        mend=lambda place: _move_folder_back(place.folder / folder),
    )
    if scene == "teardown":
        code = "archive_failed" if folder == "archives" else "staging_failed"
        # Nothing that is staged is needed to disconnect: the documents to look for come from the archive.
        noticed = "delete" if (folder, step) == ("staging", "disconnect") else step
        assert ended == f"teardown: {code} at {noticed}"


@pytest.mark.parametrize("step", ["disconnect", "delete"])
@pytest.mark.parametrize("file", ["documents.jsonl.zst", "metadata.json", "manifest.json"])
async def test_an_archive_that_is_damaged_when_read_back_keeps_everything(
    scenario_runner: ScenarioRunner, read_output: Callable[[], str], step: str, file: str
) -> None:
    def damage(place: World) -> None:
        [found] = (place.folder / "archives").rglob(file)
        whole = found.read_bytes()
        found.write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])

    kept: list[bool] = []

    def note_staged(place: World) -> None:
        kept.append(bool(place.staged_files()))

    ended = await run_with_breakage(
        scenario_runner,
        "teardown",
        read_output,
        hook=lambda place: BeforeStepOnce(step, lambda: damage(place)),
        mend=note_staged,
    )
    assert (ended, kept) == (f"teardown: archive_failed at {step}", [True])


async def test_a_disk_that_changes_what_was_written_keeps_everything(
    scenario_runner: ScenarioRunner, read_output: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Draft.write
    lies = [True]

    def lie(draft: Draft, data: bytes) -> int:
        if lies and draft.final.name.startswith("documents"):
            data = data[:-1] + bytes([data[-1] ^ 1]) if data else data
        return write(draft, data)

    monkeypatch.setattr(Draft, "write", lie)
    ended = await run_with_breakage(scenario_runner, "teardown", read_output, mend=lambda _: lies.clear())
    assert ended == "teardown: archive_failed at archive"
