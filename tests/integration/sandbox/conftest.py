"""A sandbox that answers, with its clock in the test's hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.glean.admin_client import AdminClient, HandDrivenClock
from tests.support.sandbox.embedded import EmbeddedSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> HandDrivenClock:
    return HandDrivenClock()


@pytest.fixture
def glean(tmp_path: Path, clock: HandDrivenClock) -> Iterator[EmbeddedSandbox]:
    with EmbeddedSandbox(tmp_path / "sandbox.db", token="secret", now=clock) as running:
        yield running


@pytest.fixture
def admin_client(glean: EmbeddedSandbox) -> Iterator[AdminClient]:
    with AdminClient(glean) as client:
        yield client
