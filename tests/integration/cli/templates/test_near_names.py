"""Ids and containers that are nearly the same: what validates is provisioned without loss, in both dialects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.model import DatasetType
from server.adapters.templates import RepositoryTemplates
from server.adapters.templates.catalogue.validation import Judgement
from tests.support.content.records import NOW
from tests.support.content.repository_files import RepositoryFiles, lines
from tests.support.content.template_repository import RECORD_FACTORIES
from tests.support.servers.command_line import PROVISION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine

APART = (
    "A/Y1",
    "A-Y1",
    "A_Y1",
    "A.Y1",
    "A Y1",
    "AY1",
    "A//Y1",
    "A%2FY1",
    "A?Y1",
    "A#Y1",
    "é1",
    "e\u03011",
    "..",
)
"""Ids that are as many documents, though an address, a folder or an eye may take them for fewer."""
SAME = ("a/y1", "É1")
"""Ids that are those of others without their case, as Glean compares them."""
CONTAINERS = {
    DatasetType.CONFLUENCE_PAGES: ("space_key", ("OPS", "ops", "O-PS")),
    DatasetType.SLACK_MESSAGES: ("channel", ("general", "General", "#general")),
    DatasetType.JIRA_ISSUES: ("project", ("OPS", "ops", "O_PS")),
}


def _write_template(root: Path, dataset_type: DatasetType) -> int:
    """A template of near names among others, so that its few repeated ids do not decide; the number of its records."""
    identifier = {DatasetType.CONFLUENCE_PAGES: "page_id", DatasetType.SLACK_MESSAGES: "message_id"}
    make = RECORD_FACTORIES[dataset_type]
    field, containers = CONTAINERS[dataset_type]
    records = [
        {
            **{each: value for each, value in make(position).items() if each != "thread"},
            identifier.get(dataset_type, "key"): name,
            field: containers[position % len(containers)],
        }
        for position, name in enumerate((*APART, *SAME, *(f"A-{number}" for number in range(60))), 1)
    ]
    RepositoryFiles(root).write(f"default/default/{dataset_type.value}.jsonl", lines(records))
    return len(records)


@pytest.mark.parametrize("dialect", [pytest.param("admin", marks=pytest.mark.resilience), "indexing"])
@pytest.mark.parametrize("dataset_type", CONTAINERS)
def test_near_names_are_provisioned_as_they_were_validated(
    command_line: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dialect: str,
    dataset_type: DatasetType,
) -> None:
    monkeypatch.setenv("GLEAN_DIALECT", dialect)
    monkeypatch.setenv("MOCK_DATA_REPO_PATH", str(tmp_path / "own"))
    count = _write_template(tmp_path / "own", dataset_type)
    (validated,) = RepositoryTemplates(tmp_path / "own").iterate_reports(Judgement(now=NOW))
    command_line.add_client_and_journey()
    made = command_line.run_json(*PROVISION, dataset_type.value)

    assert validated.is_valid
    assert [(each["check"], each["failed"]) for each in validated.issues] == [("uniqueness", len(SAME))]
    assert (made["status"], made["record_count"]) == ("ready", count - len(SAME))
    assert validated.records == made["record_count"]
