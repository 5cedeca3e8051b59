from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.settings.given import Given

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return Given(tmp_path)
