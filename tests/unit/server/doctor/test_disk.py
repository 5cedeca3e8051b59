from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.doctor.disk import check_disk
from server.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def nfs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.doctor.disk.find_network_file_system", lambda _: "nfs4")


def test_sqlite_on_a_network_file_system_is_a_warning_that_says_what_to_do(tmp_path: Path) -> None:
    [found] = check_disk(load_settings({}, data_dir=tmp_path, cwd=tmp_path))
    assert (found.area, found.ok, found.warning) == ("disk", True, True)
    assert f"{tmp_path} is on a network file system (nfs4)" in found.message
    assert "local disk" in found.action


def test_with_postgresql_there_is_nothing_to_say(tmp_path: Path) -> None:
    settings = load_settings(
        {"DATABASE_URL": "postgresql://db/sets", "GLEAN_BASE_URL": "https://x.example", "GLEAN_API_KEY": "k"},
        data_dir=tmp_path,
        cwd=tmp_path,
    )
    assert check_disk(settings) == ()
