"""Every adapter of the `Archives` port that the suite runs over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.adapters.archives.local import LocalArchives

if TYPE_CHECKING:
    from pathlib import Path

    from domain.ports.archives import Archives


@pytest.fixture(params=["local"])
def archives(request: pytest.FixtureRequest, tmp_path: Path) -> Archives:
    return LocalArchives(tmp_path / "archives")
