from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.connectors.config import placeholder_token
from domain.errors import SettingsError
from domain.model.enums import DatasetType, Stage
from server.adapters.credentials import ConfiguredSecrets
from server.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

ID = "acme-pilot-jira-7f3k2m"
KIND = DatasetType.JIRA_ISSUES


def secrets(tmp_path: Path, credential: str, *, embedded: bool = False) -> ConfiguredSecrets:
    file = tmp_path / "config.yaml"
    file.write_text(f"dataops: {{connectors: {{jira_issues: {{credential: {credential}}}}}}}")
    return ConfiguredSecrets(load_settings({}, file, tmp_path).connectors, embedded=embedded)


@pytest.mark.parametrize(
    ("stage", "embedded"),
    [(Stage.SANDBOX, False), (Stage.SANDBOX, True), (Stage.PILOT, True), (Stage.PRODUCTION, True)],
)
def test_a_sandbox_signs_in_with_a_placeholder_whatever_is_set(
    tmp_path: Path, stage: Stage, embedded: bool
) -> None:
    found = secrets(tmp_path, "real", embedded=embedded).credential(ID, KIND, stage, "ACME")

    assert found == placeholder_token(ID)


@pytest.mark.parametrize("stage", [Stage.PILOT, Stage.PRODUCTION])
def test_elsewhere_the_credential_is_what_is_set(tmp_path: Path, stage: Stage) -> None:
    assert secrets(tmp_path, "real").credential(ID, KIND, stage, "ACME") == "real"


@pytest.mark.parametrize("credential", ["", "''"])
def test_elsewhere_a_missing_credential_is_refused_naming_the_setting(
    tmp_path: Path, credential: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        secrets(tmp_path, credential).credential(ID, KIND, Stage.PILOT, "ACME")

    assert caught.value.field == "connectors.jira_issues.stages.pilot.credential"
    assert caught.value.message == (
        "No credential is set for jira_issues of ACME at pilot: "
        "set connectors.jira_issues.stages.pilot.credential, or one for the client."
    )
