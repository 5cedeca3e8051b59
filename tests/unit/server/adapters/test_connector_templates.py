"""Connector templates are data files, with the configuration laid over them."""

from __future__ import annotations

from pathlib import Path

import pytest

import mock_data
from domain.errors import SettingsError
from domain.model.enums import DatasetType, Stage
from server.adapters.connector_templates import FileConnectorTemplates

BUNDLED = Path(mock_data.__file__).parent / "connectors"


@pytest.mark.parametrize("dataset_type", DatasetType)
def test_each_type_has_its_template(dataset_type: DatasetType) -> None:
    found = FileConnectorTemplates(BUNDLED).settings(dataset_type, Stage.SANDBOX, "acme")
    assert found["connector"] == dataset_type.connector_kind
    assert set(found) == {"connector", "collect", "config"}


def test_what_is_laid_over_is_asked_for_by_type_stage_and_client_and_the_last_is_the_strongest() -> None:
    asked: list[object] = []

    def overrides(*who: object) -> list[dict[str, object]]:
        asked.append(who)
        return [
            {"config": {"baseUrl": "https://wiki.acme.example.com", "spaceKeys": ["A"]}},
            {"config": {"spaceKeys": ["B"]}},
        ]

    found = FileConnectorTemplates(BUNDLED, overrides).settings(
        DatasetType.CONFLUENCE_PAGES, Stage.PILOT, "acme"
    )
    assert asked == [(DatasetType.CONFLUENCE_PAGES, Stage.PILOT, "acme")]
    assert found["config"]["baseUrl"] == "https://wiki.acme.example.com"
    assert found["config"]["spaceKeys"] == ["B"]
    assert found["config"]["syncSettings"]["fullSyncSchedule"] == "0 2 * * *"


@pytest.mark.parametrize("content", [None, b"{", b"[]"])
def test_a_template_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "jira_issues.json").write_bytes(content)
    with pytest.raises(SettingsError, match=r"jira_issues\.json") as refusal:
        FileConnectorTemplates(tmp_path).settings(DatasetType.JIRA_ISSUES, Stage.SANDBOX, "acme")
    assert refusal.value.field == "connectors.jira_issues"
