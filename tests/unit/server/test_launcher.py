from __future__ import annotations

import runpy
import sys
from typing import TYPE_CHECKING

import pytest

from server import cli, launcher

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The first place on sys.path at every call of the command line, which does nothing else here."""
    made: list[str] = []
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(cli, "main", lambda: made.append(sys.path[0]))
    return made


def test_a_checkout_runs_the_command_line_from_the_packages_as_they_stand(calls: list[str]) -> None:
    before = list(sys.path)

    launcher.main()

    assert calls == before[:1]
    assert sys.path == before


def test_a_wheel_runs_the_command_line_from_its_own_packages_first(
    calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "_app").mkdir()
    monkeypatch.setattr(launcher, "__file__", str(tmp_path / "__init__.py"))

    launcher.main()

    assert calls == [str(tmp_path / "_app")]


def test_the_server_package_runs_the_command_line(calls: list[str]) -> None:
    runpy.run_module("server", run_name="__main__")

    assert len(calls) == 1


def test_a_worker_process_that_imports_the_main_module_runs_nothing(calls: list[str]) -> None:
    runpy.run_module("server", run_name="__mp_main__")

    assert calls == []
