from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.errors import SettingsError
from server.settings import load_settings

if TYPE_CHECKING:
    from tests.support.config_files import ConfigFiles


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("GLEAN_API_KEY", "glean.api_key"),
        ("GLEAN_BASE_URL", "glean.base_url"),
        ("DATABASE_URL", "store.url"),
        ("MOCK_DATA_REPO_PATH", "mock_data_repo.path"),
    ],
)
@pytest.mark.parametrize(
    ("left", "shown"),
    [
        ("${GLEAN_API_KEY}", "${GLEAN_API_KEY}"),
        ("${env:X}", "${env:X}"),
        ("before-${HOME}/dl", "${HOME}"),
    ],
)
def test_a_variable_whose_placeholder_nobody_replaced_is_named_with_its_setting(
    config_files: ConfigFiles, variable: str, setting: str, left: str, shown: str
) -> None:
    error = config_files.load_error(None, **{variable: left})
    assert (error.code, error.field) == ("invalid_configuration", setting)
    assert error.message == (
        f"The variable {variable} has a placeholder that nobody replaced: {shown}. So {setting} has no value."
    )
    assert "passes variables on" in error.suggested_action


@pytest.mark.parametrize("value", ["postgresql://app:Pw${9xS3cret@db:5432/dl", "ab${S3cret", "ab${S3 cret}"])
def test_what_only_begins_like_a_placeholder_may_be_a_secret_and_is_not_shown(
    config_files: ConfigFiles, value: str
) -> None:
    error = config_files.load_error(None, DATABASE_URL=value)
    assert error.message == (
        "The variable DATABASE_URL has a placeholder that nobody replaced (${). So store.url has no value."
    )
    assert "cret" not in str(error.as_dict())


def test_nothing_of_the_value_is_shown_but_the_placeholder(config_files: ConfigFiles) -> None:
    assert "s3cret" not in str(
        config_files.load_error(None, DATABASE_URL="postgresql://kim:s3cret@${HOST}/db")
    )


@pytest.mark.parametrize(
    ("variable", "setting"),
    [("DATASET_LIFECYCLE_DATA_DIR", "data_dir"), ("DATASET_LIFECYCLE_CONFIG", "config")],
)
def test_no_folder_or_file_is_looked_for_under_a_placeholder(
    config_files: ConfigFiles, variable: str, setting: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings({variable: "${HOME}/dl"}, cwd=config_files.cwd)
    assert refusal.value.field == setting
    assert f"The variable {variable} has" in refusal.value.message
    assert list(config_files.cwd.iterdir()) == []


@pytest.mark.parametrize("option", ["data_dir", "config_path"])
def test_nor_under_one_that_an_option_holds(config_files: ConfigFiles, option: str) -> None:
    with pytest.raises(SettingsError, match=r"^--(data-dir|config) has a placeholder"):
        load_settings({}, **{option: Path("${workspaceFolder}/dl")}, cwd=config_files.cwd)


def test_nor_is_the_platforms_folder_for_data_one(
    config_files: ConfigFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.settings.loading.user_data_path", lambda _: Path("${HOME}/.local/share"))
    with pytest.raises(SettingsError, match="XDG_DATA_HOME"):
        load_settings({}, cwd=config_files.cwd)


def test_a_placeholder_in_the_variable_that_a_file_names_is_told_as_the_variables(
    config_files: ConfigFiles,
) -> None:
    error = config_files.load_error("dataops:\n  glean:\n    act_as: ${ACT_AS}\n", ACT_AS="${input:who}")
    assert (error.field, error.message.partition(":")[0]) == (
        "glean.act_as",
        "The variable ACT_AS has a placeholder that nobody replaced",
    )
