"""The page of the embedded sandbox knows the clients and the golden questions of the data folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from server.composition.glean.platform import sandbox_path
from server.composition.glean.served_datasets import build_dataset_lookup
from server.settings import load_settings
from tests.support.content.template_repository import TEMPLATE_FOLDER, write_repository
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.servers.command_line import PROVISION
from tests.support.servers.plain_http import fetch

if TYPE_CHECKING:
    from pathlib import Path

    from server.settings import Settings
    from tests.support.servers.command_line import CommandLine

QUESTION = "Which runbook looks at the ledger of INC-7?"


@pytest.fixture
def settings(command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Those of a data folder with one dataset, whose template has a question."""
    root = write_repository(tmp_path / "repository")
    path = root / "mock_data" / "templates" / TEMPLATE_FOLDER / "questions.json"
    path.write_text(
        json.dumps({"questions": [{"question": QUESTION, "documents": {"confluence_pages": ["P7"]}}]})
    )
    monkeypatch.setenv("MOCK_DATA_REPO_PATH", str(root))
    command_line.run_ok(
        *("clients", "add", "ACME", "--name", "Acme", "--industry", "fintech"),
        *("--use-case", "developer_productivity"),
    )
    command_line.run_ok("journeys", "add", "j1", "--client-id", "ACME", "--stage", "sandbox")
    command_line.run_ok(*PROVISION, "confluence_pages")
    return load_settings({"MOCK_DATA_REPO_PATH": str(root)}, data_dir=command_line.folder, cwd=tmp_path)


def test_it_offers_the_questions_of_what_is_served(settings: Settings) -> None:
    look_up = build_dataset_lookup(settings)
    [served] = look_up().values()
    assert served == ("ACME", (QUESTION,))
    with EmbeddedSandbox(sandbox_path(settings), token="secret", datasets=look_up) as glean:
        page = fetch(glean.base_url, params={"client": "ACME", "q": QUESTION}).text
    assert QUESTION in page
    assert '<option value="ACME" selected>' in page
    assert "/document?in=" in page


def test_what_cannot_be_read_is_not_known(settings: Settings, tmp_path: Path) -> None:
    lost = load_settings(
        {"MOCK_DATA_REPO_PATH": str(tmp_path / "nowhere")}, data_dir=settings.data_dir, cwd=tmp_path
    )
    assert list(build_dataset_lookup(lost)().values()) == [("ACME", ())]
    empty = load_settings({}, data_dir=tmp_path / "empty", cwd=tmp_path)
    assert build_dataset_lookup(empty)() == {}
    settings.store_path.write_text("not a database at all " * 100)
    assert build_dataset_lookup(settings)() == {}
