"""Whether a server runs on a folder is told by a lock that dies with its holder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.presence import anybody, present

if TYPE_CHECKING:
    from pathlib import Path


def test_nobody_is_there_before_and_after_and_looking_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert not anybody(folder)
    assert not folder.exists()
    with present(folder):
        assert anybody(folder)
    assert not anybody(folder)


def test_several_servers_are_there_until_the_last_one_goes(tmp_path: Path) -> None:
    with present(tmp_path):
        with present(tmp_path):
            assert anybody(tmp_path)
        assert anybody(tmp_path)
    assert not anybody(tmp_path)
