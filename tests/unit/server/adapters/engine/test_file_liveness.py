"""Who is alive is who holds its lock."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from server.adapters.engine.file_liveness import FileLiveness

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_an_owner_lives_until_it_ends(tmp_path: Path) -> None:
    owners = FileLiveness(tmp_path / "owners")
    presence = owners.register()
    assert owners.is_alive(presence.owner)
    presence.release()
    assert not owners.is_alive(presence.owner)


def test_an_owner_that_nobody_has_seen_is_dead(tmp_path: Path) -> None:
    assert not FileLiveness(tmp_path).is_alive("never")


def test_the_files_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path: Path) -> None:
    owners = FileLiveness(tmp_path)
    living, dead = owners.register(), owners.register()
    os.close(dead.descriptor)  # as the end of a process does
    owners.sweep()
    assert list(tmp_path.iterdir()) == [living.path]
    living.release()


def test_one_adopts_at_a_time(tmp_path: Path) -> None:
    owners = FileLiveness(tmp_path)
    with owners.adoption_lock() as first, owners.adoption_lock() as second:
        assert (first, second) == (True, False)
    with owners.adoption_lock() as third:
        assert third


def test_an_owner_whose_file_is_swept_away_before_it_is_locked_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = FileLiveness(tmp_path)
    swept: list[str] = []
    really = fcntl.flock

    def swept_first(descriptor: int, operation: int) -> None:
        if not swept:
            swept.extend(each.name for each in tmp_path.iterdir())
            for each in tmp_path.iterdir():
                each.unlink()
        really(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", swept_first)
    presence = owners.register()
    assert swept == [presence.path.name]
    assert owners.is_alive(presence.owner)
    presence.release()
