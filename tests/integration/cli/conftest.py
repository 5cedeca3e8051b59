"""A data folder with nothing in it, and logging as it was when a test is over."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.support.plain_logging import log_plainly
from tests.support.sandbox.embedded import script_composed_sandboxes
from tests.support.servers.command_line import CommandLine, PreparedFolders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither the environment nor a file of this machine says anything; logging is put back."""
    for name in (
        "GLEAN_API_KEY",
        "GLEAN_BASE_URL",
        "GLEAN_DIALECT",
        "MOCK_DATA_REPO_PATH",
        "ARCHIVAL_PATH",
        "DATABASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("DATASET_LIFECYCLE_CONFIG", raising=False)
    monkeypatch.setenv("DATASET_LIFECYCLE_DATA_DIR", str(tmp_path / "never"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield
    root.handlers, root.level = handlers, level
    log_plainly()
    assert not (tmp_path / "never").exists()


@pytest.fixture(scope="session")
def prepared_folders(tmp_path_factory: pytest.TempPathFactory) -> PreparedFolders:
    """Empty at first: a folder is made when the first test asks for it, in the environment of that test."""
    return PreparedFolders(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def command_line(tmp_path: Path, prepared_folders: PreparedFolders) -> CommandLine:
    return CommandLine(tmp_path / "data", prepared_folders)


@pytest.fixture
def scripted_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults may be scripted in the sandbox that commands in this process serve to themselves."""
    script_composed_sandboxes(monkeypatch.setattr)
