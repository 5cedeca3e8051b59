from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.model.enums import DatasetType, Stage

if TYPE_CHECKING:
    from tests.support.config_files import ConfigFiles

CONFLUENCE = DatasetType.CONFLUENCE_PAGES

LAYERS = """
dataops:
  connectors:
    confluence_pages:
      config: {baseUrl: type}
      credential: type-token
      stages:
        pilot: {config: {baseUrl: stage}, credential: stage-token}
      clients:
        ACME:
          config: {baseUrl: client}
          site: https://acme.example
          stages:
            production: {config: {baseUrl: both}, credential: both-token}
        123: {}
"""


@pytest.mark.parametrize(
    ("stage", "client_id", "layers", "token"),
    [
        (Stage.SANDBOX, "other", ["type"], "type-token"),
        (Stage.PILOT, "other", ["type", "stage"], "stage-token"),
        (Stage.PILOT, "123", ["type", "stage", None], "stage-token"),
        (Stage.PILOT, "acme", ["type", "stage", "client"], "stage-token"),
        (Stage.PRODUCTION, "ACME", ["type", "client", "both"], "both-token"),
    ],
)
def test_what_is_nearer_to_client_and_stage_is_stronger(
    config_files: ConfigFiles, stage: Stage, client_id: str, layers: list[str | None], token: str
) -> None:
    connectors = config_files.load(LAYERS).connectors
    credential = connectors.credential(CONFLUENCE, stage, client_id)

    found = connectors.overrides(CONFLUENCE, stage, client_id)

    assert [each["config"].get("baseUrl") for each in found] == layers
    assert credential is not None
    assert credential.get_secret_value() == token


def test_a_site_is_laid_over_with_the_configuration_and_a_credential_never_is(
    config_files: ConfigFiles,
) -> None:
    connectors = config_files.load(LAYERS).connectors

    assert connectors.overrides(CONFLUENCE, Stage.SANDBOX, "ACME") == [
        {"config": {"baseUrl": "type"}},
        {"config": {"baseUrl": "client"}, "site": "https://acme.example"},
    ]


def test_where_no_credential_is_set_there_is_none(config_files: ConfigFiles) -> None:
    assert config_files.load().connectors.credential(CONFLUENCE, Stage.PILOT, "ACME") is None


def test_no_secret_is_shown(config_files: ConfigFiles) -> None:
    settings = config_files.load(LAYERS, GLEAN_API_KEY="s3cret-key")
    shown = f"{settings!r} {settings} {settings.model_dump_json()}"

    assert "s3cret-key" not in shown
    assert "-token" not in shown


def test_every_secret_that_is_set_is_known_so_that_it_can_be_kept_out_of_what_is_kept(
    config_files: ConfigFiles,
) -> None:
    settings = config_files.load(LAYERS, GLEAN_API_KEY="glean-key")
    assert settings.secrets() == {"glean-key", "type-token", "stage-token", "both-token"}
    assert config_files.load().secrets() == frozenset()
