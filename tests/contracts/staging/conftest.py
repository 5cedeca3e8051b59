"""Every adapter of the `Staging` port that the suite runs over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.adapters.staging.local import LocalStaging

if TYPE_CHECKING:
    from pathlib import Path

    from domain.ports.staging import Staging


@pytest.fixture(params=["local"])
def staging(request: pytest.FixtureRequest, tmp_path: Path) -> Staging:
    return LocalStaging(tmp_path / "staging")
