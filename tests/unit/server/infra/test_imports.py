from __future__ import annotations

import gc
import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from server.infra.imports import absent_module, pause_garbage_collection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_the_collector_sleeps_meanwhile_and_leaves_out_afterwards_what_was_made() -> None:
    frozen = gc.get_freeze_count()
    with pause_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen


def test_the_collector_wakes_when_an_import_fails() -> None:
    with pytest.raises(ImportError), pause_garbage_collection():
        raise ImportError
    assert gc.isenabled()


def test_a_library_does_without_another_one_that_is_kept_away_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "decoration.py").write_text("colour = 'red'\n")
    (tmp_path / "plain_or_not.py").write_text(
        "try:\n    import decoration\nexcept ImportError:\n    decoration = None\n"
    )
    with absent_module("decoration"):
        plain = importlib.import_module("plain_or_not")
    assert plain.decoration is None
    decoration = importlib.import_module("decoration")
    assert decoration.colour == "red"
    with absent_module("decoration"):
        assert importlib.import_module("decoration") is decoration
    assert sys.modules["decoration"] is decoration
