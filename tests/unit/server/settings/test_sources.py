from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest

from domain.model.enums import DatasetType
from server.settings import load_settings

if TYPE_CHECKING:
    from tests.support.config_files import ConfigFiles


def test_with_nothing_set_everything_has_the_value_of_the_specification(config_files: ConfigFiles) -> None:
    settings = config_files.load()

    assert settings.model_dump() == {
        "data_dir": config_files.data,
        "config_file": None,
        "emptied": (),
        "mock_data_repo": {"path": None, "bundled": True, "templates_subdir": "mock_data/templates"},
        "glean": {
            "api_key": None,
            "base_url": None,
            "dialect": "admin",
            "client_token": None,
            "act_as": None,
            "requests_per_second": 30.0,
            "concurrency": 8,
            "timeout_s": 30.0,
        },
        "connectors": {
            each.value: {"config": {}, "site": None, "credential": None, "stages": {}, "clients": {}}
            for each in DatasetType
        },
        "sanitization": {
            "export_path": None,
            "key": None,
            "patterns": {},
            "dictionaries": {},
            "allowed": (),
            "allowed_fields": (),
        },
        "archival": {
            "storage_path": config_files.data / "archives",
            "retention_days": 90,
            "compression": True,
            "full_data": True,
        },
        "staging": {"url": config_files.data / "staging"},
        "store": {"url": None},
        "provisioning": {"sync_deadline_s": None, "questions_deadline_s": 60, "concurrent": 4},
        "teardown": {"stop_deadline_s": 300},
        "confirmation": {"sandbox": None},
        "sagas": {"attempts": 10},
        "orphans": {"grace_days": 7, "sweep_count": 25, "sweep_share": 0.3},
        "identity": {
            "issuer": None,
            "audience": None,
            "jwks_url": None,
            "jwks_file": None,
            "keys": {},
            "algorithms": ("RS256", "ES256", "EdDSA"),
            "leeway_s": 30,
            "local": {"scopes": None, "clients": None},
        },
        "http": {"allowed_hosts": (), "allowed_origins": (), "state_keys": ()},
        "limits": {
            "live_datasets_per_client": 50,
            "records_per_dataset": 10_000_000,
            "calls_per_minute": 120,
            "teardowns_per_hour": 20,
            "terminal_teardowns_per_hour": 200,
        },
        "events": {
            "webhooks": (),
            "attempts": 20,
            "first_retry_s": 5.0,
            "longest_retry_s": 3600.0,
            "timeout_s": 10.0,
        },
        "schedules": {
            "health": True,
            "settle_s": 60.0,
            "orphan_scan": time(3),
            "orphan_sweep": time(3, 30),
            "archive_retention": time(4),
            "event_redelivery": time(4, 30),
            "workflow_purge": time(5),
            "refresh": "off",
            "refresh_count": 25,
        },
    }
    assert settings.glean.embedded
    assert settings.store_path == config_files.data / "store.db"


def test_loading_makes_nothing(config_files: ConfigFiles) -> None:
    config_files.load()

    assert not config_files.data.exists()


@pytest.mark.parametrize(
    "text",
    ["dataops:\n", "dataops: {}\n", "dataops:\n  glean: {api_key: ''}\n  archival: {compression: }\n"],
)
def test_a_key_without_a_value_is_as_good_as_not_there(config_files: ConfigFiles, text: str) -> None:
    assert config_files.load(text) == config_files.load().model_copy(
        update={"config_file": config_files.file}
    )


def test_the_argument_comes_before_the_variable_and_that_before_the_usual_file(
    config_files: ConfigFiles,
) -> None:
    for name, days in (("argument.yaml", 1), ("variable.yaml", 2), ("sdlc_config.yaml", 3)):
        (config_files.cwd / name).write_text(f"dataops: {{archival: {{retention_days: {days}}}}}")
    variable = {"DATASET_LIFECYCLE_CONFIG": "variable.yaml"}

    def chosen(environ: dict[str, str], argument: Path | None) -> tuple[int, Path | None]:
        settings = load_settings(environ, argument, config_files.data, cwd=config_files.cwd)
        return settings.archival.retention_days, settings.config_file

    assert chosen(variable, Path("argument.yaml")) == (1, config_files.cwd / "argument.yaml")
    assert chosen(variable, None) == (2, config_files.cwd / "variable.yaml")
    assert chosen({"DATASET_LIFECYCLE_CONFIG": ""}, None) == (3, config_files.cwd / "sdlc_config.yaml")


def test_the_data_folder_is_the_argument_then_the_variable_then_the_platforms(
    config_files: ConfigFiles,
) -> None:
    variable = {"DATASET_LIFECYCLE_DATA_DIR": "elsewhere"}

    assert (
        load_settings(variable, None, Path("here"), cwd=config_files.cwd).data_dir
        == config_files.cwd / "here"
    )
    assert (
        load_settings(variable, None, None, cwd=config_files.cwd).data_dir == config_files.cwd / "elsewhere"
    )
    assert load_settings({}, None, None, cwd=config_files.cwd).data_dir == platformdirs.user_data_path(
        "dataset-lifecycle"
    )


def test_the_working_folder_is_the_processs_own_when_none_is_given(
    config_files: ConfigFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(config_files.cwd)
    (config_files.cwd / "sdlc_config.yaml").write_text("dataops: {archival: {retention_days: 3}}")

    assert load_settings({}, None, config_files.data).archival.retention_days == 3


def test_relative_paths_are_taken_from_the_data_folder_and_never_from_the_working_folder(
    config_files: ConfigFiles,
) -> None:
    settings = config_files.load(
        "dataops: {archival: {storage_path: ./a}, staging: {url: s}, store: {url: sqlite:///x/y.db}}",
        MOCK_DATA_REPO_PATH="../repo",
    )

    assert settings.archival.storage_path == config_files.data / "a"
    assert settings.staging.url == config_files.data / "s"
    assert settings.store_path == config_files.data / "x" / "y.db"
    assert settings.mock_data_repo.path == config_files.data / "../repo"


def test_several_repositories_are_a_list_or_separated_in_the_variable(config_files: ConfigFiles) -> None:
    listed = config_files.load("dataops: {mock_data_repo: {path: [ours, /theirs], bundled: false}}")
    separated = config_files.load(MOCK_DATA_REPO_PATH="ours::/theirs:")
    one = config_files.load("dataops: {mock_data_repo: {path: 'with:colon'}}")

    assert listed.mock_data_repo.paths == (config_files.data / "ours", Path("/theirs"))
    assert not listed.mock_data_repo.bundled
    assert separated.mock_data_repo.paths == listed.mock_data_repo.paths
    assert separated.mock_data_repo.bundled
    assert one.mock_data_repo.paths == (config_files.data / "with:colon",)
    assert config_files.load().mock_data_repo.paths == ()


def test_absolute_paths_and_those_of_the_home_folder_stay_what_they_are(config_files: ConfigFiles) -> None:
    settings = config_files.load(
        "dataops: {archival: {storage_path: /a}, staging: {url: ~/s}, store: {url: sqlite:////x/y%20z.db}}"
    )

    assert settings.archival.storage_path == Path("/a")
    assert settings.staging.url == Path("~/s").expanduser()
    assert settings.store_path == Path("/x/y z.db")


def test_the_environment_wins_over_the_file_and_an_empty_variable_is_not_set(
    config_files: ConfigFiles,
) -> None:
    text = "dataops: {archival: {storage_path: /file}, glean: {api_key: k, base_url: 'https://file.example'}}"

    settings = config_files.load(text, ARCHIVAL_PATH="/variable", GLEAN_API_KEY="other", GLEAN_BASE_URL="")

    assert settings.archival.storage_path == Path("/variable")
    assert settings.glean.api_key is not None
    assert settings.glean.api_key.get_secret_value() == "other"
    assert settings.glean.base_url == "https://file.example"


def test_other_sections_of_the_file_are_nobodys_business(config_files: ConfigFiles) -> None:
    text = "other: {key: '${NOT_SET}', key: twice}\ndataops: {archival: {retention_days: 3}}"

    assert config_files.load(text).archival.retention_days == 3


def test_a_usual_file_of_something_else_is_left_alone(config_files: ConfigFiles) -> None:
    (config_files.cwd / "sdlc_config.yaml").write_text("pipelines: {}")

    assert config_files.load().archival.retention_days == 90
