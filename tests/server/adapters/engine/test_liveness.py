"""Who is alive is who holds its lock."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from server.adapters.engine.liveness import Owners

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_an_owner_lives_until_it_ends(tmp_path: Path) -> None:
    owners = Owners(tmp_path / "owners")
    presence = owners.enter()
    assert owners.alive(presence.owner)
    presence.end()
    assert not owners.alive(presence.owner)


def test_an_owner_that_nobody_has_seen_is_dead(tmp_path: Path) -> None:
    assert not Owners(tmp_path).alive("never")


def test_the_files_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path: Path) -> None:
    owners = Owners(tmp_path)
    living, dead = owners.enter(), owners.enter()
    os.close(dead.descriptor)  # as the end of a process does
    owners.sweep()
    assert list(tmp_path.iterdir()) == [living.path]
    living.end()


def test_one_adopts_at_a_time(tmp_path: Path) -> None:
    owners = Owners(tmp_path)
    with owners.adopting() as first, owners.adopting() as second:
        assert (first, second) == (True, False)
    with owners.adopting() as third:
        assert third


def test_an_owner_whose_file_is_swept_away_before_it_is_locked_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = Owners(tmp_path)
    swept: list[str] = []
    really = fcntl.flock

    def swept_first(descriptor: int, operation: int) -> None:
        if not swept:
            swept.extend(each.name for each in tmp_path.iterdir())
            for each in tmp_path.iterdir():
                each.unlink()
        really(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", swept_first)
    presence = owners.enter()
    assert swept == [presence.path.name]
    assert owners.alive(presence.owner)
    presence.end()
