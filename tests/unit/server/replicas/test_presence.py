"""Who looks for a server finds one exactly while one lives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from domain.errors import SettingsError
from server.composition.replicas.presence import hold_folder_presence, is_server_on_folder

if TYPE_CHECKING:
    from pathlib import Path

MANY = 200


def test_nobody_serves_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert not is_server_on_folder(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_a_server_is_seen_until_the_last_has_gone(tmp_path: Path) -> None:
    with hold_folder_presence(tmp_path):
        with hold_folder_presence(tmp_path):
            assert is_server_on_folder(tmp_path)
        assert is_server_on_folder(tmp_path)
    assert not is_server_on_folder(tmp_path)


def test_those_who_look_at_once_do_not_take_each_other_for_a_server(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as looking:
        with hold_folder_presence(tmp_path):
            assert set(looking.map(is_server_on_folder, [tmp_path] * MANY)) == {True}
        assert set(looking.map(is_server_on_folder, [tmp_path] * MANY)) == {False}


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(SettingsError, match="file/data") as refused,
        hold_folder_presence(tmp_path / "file" / "data"),
    ):
        pass
    assert refused.value.field == "data_dir"


def test_a_lock_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "serving.lock").mkdir()
    with pytest.raises(SettingsError, match="Is a directory"):
        is_server_on_folder(tmp_path)
