"""Glean is opened by the first call that needs it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.ports import Capabilities
from server.composition.glean.platform import open_platform
from server.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path


def serves() -> bool:
    return any(each.name == "glean-sandbox" for each in threading.enumerate())


@pytest.mark.parametrize(
    ("dialect", "capabilities"),
    [
        ("admin", Capabilities()),
        ("indexing", Capabilities(authorise=False, stop=False, delete=False, list=False, search=True)),
    ],
)
async def test_what_a_platform_can_do_is_known_before_it_is_opened(
    tmp_path: Path, dialect: str, capabilities: Capabilities
) -> None:
    async with open_platform(
        load_settings({"GLEAN_DIALECT": dialect}, data_dir=tmp_path, cwd=tmp_path)
    ) as platform:
        assert platform.capabilities == capabilities
        assert not serves()


async def test_calls_that_come_at_once_open_it_once_and_one_that_leaves_spoils_nothing(
    tmp_path: Path,
) -> None:
    found = []
    async with open_platform(load_settings({}, data_dir=tmp_path, cwd=tmp_path)) as platform:

        async def ask() -> None:
            found.append(await platform.fetch_fingerprint())

        with anyio.move_on_after(0):
            await ask()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(ask)
        assert serves()
        assert len(found) == 3
        assert len(set(found)) == 1
    assert not serves()
