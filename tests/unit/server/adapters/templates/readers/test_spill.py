from __future__ import annotations

import errno
from typing import NoReturn

import pytest

from domain.content.checks.spill import MemorySpill, Spill
from domain.errors import StagingFailedError
from server.adapters.templates.readers.spill import DiskSpill


@pytest.mark.parametrize("make", [MemorySpill, DiskSpill])
def test_pieces_come_back_heap_by_heap_as_they_were_added(make: type[MemorySpill | DiskSpill]) -> None:
    made = make()
    spill: Spill = made
    for number in range(200):
        spill.add(f"heap {number % 3}", b"%d" % number * number)
    assert list(spill.read_pieces("heap 1")) == [b"%d" % number * number for number in range(1, 200, 3)]
    assert list(spill.read_pieces("another")) == []
    if isinstance(made, DiskSpill):
        made.close()


def test_an_unused_spill_closes_and_a_used_one_forgets() -> None:
    spill = DiskSpill()
    spill.close()
    spill.add("heap", b"x")
    spill.close()
    assert list(spill.read_pieces("heap")) == []


def test_a_full_disk_is_a_failure_of_staging(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(StagingFailedError, match="No space left on device"):
        DiskSpill().add("heap", b"x")
