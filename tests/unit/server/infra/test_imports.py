from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from server.infra.imports import pause_garbage_collection

if TYPE_CHECKING:
    from collections.abc import Iterator


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
