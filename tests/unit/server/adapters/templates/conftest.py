from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.content.repository_files import RepositoryFiles

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> RepositoryFiles:
    return RepositoryFiles(tmp_path)
