from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.config_files import ConfigFiles

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def config_files(tmp_path: Path) -> ConfigFiles:
    return ConfigFiles(tmp_path)
