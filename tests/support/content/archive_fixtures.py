"""Fixtures of a folder of archives, and of an archive in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.adapters.archives.local import LocalArchives
from tests.support.content.archive_orders import PLACE, archive_order

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "archives"


@pytest.fixture
def archives(root: Path) -> LocalArchives:
    return LocalArchives(root)


@pytest.fixture
async def folder(archives: LocalArchives, root: Path) -> Path:
    """The folder of an archive, compressed and whole."""
    await archives.write(archive_order())
    return root / PLACE
