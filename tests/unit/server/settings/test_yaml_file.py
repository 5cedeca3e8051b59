from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.errors import SettingsError
from domain.model.enums import DatasetType
from server.settings import load_settings

if TYPE_CHECKING:
    from tests.support.config_files import ConfigFiles


@pytest.mark.parametrize(
    ("written", "environ", "days"),
    [
        ("${DAYS}", {"DAYS": "5"}, 5),
        ('"${DAYS}"', {"DAYS": "5"}, 5),
        ("${DAYS:-7}", {"DAYS": "5"}, 5),
        ("${DAYS:-8}", {}, 8),
        ("${DAYS:-8}", {"DAYS": ""}, 8),
        ("${DAYS:-}", {}, 7),
        ("1${DAYS:-}${TAIL}", {"TAIL": "2"}, 12),
    ],
)
def test_a_variable_is_replaced_by_its_value_or_default(
    config_files: ConfigFiles, written: str, environ: dict[str, str], days: int
) -> None:
    assert (
        config_files.load(f"dataops:\n  orphans:\n    grace_days: {written}", **environ).orphans.grace_days
        == days
    )


def test_a_variables_value_is_text_and_never_yaml(config_files: ConfigFiles) -> None:
    text = "dataops:\n  glean:\n    api_key: ${KEY}\n  archival:\n    storage_path: ${FOLDER}"

    settings = config_files.load(text, KEY="12345", FOLDER="/a: {b: !!python/name:os.system '$KEY'}")

    assert settings.glean.api_key is not None
    assert settings.glean.api_key.get_secret_value() == "12345"
    assert settings.archival.storage_path == Path("/a: {b: !!python/name:os.system '$KEY'}")


def test_a_variable_is_replaced_wherever_it_stands_and_an_alias_once(config_files: ConfigFiles) -> None:
    text = """
    dataops:
      connectors:
        confluence_pages:
          config: &base {spaceKeys: ["${A}", plain], site: "${B:-b}"}
        jira_issues:
          config: *base
        slack_messages:
          config: {<<: *base, channels: [x]}
    """

    section = config_files.load(text, A="$B {B}").connectors.type_settings
    pages, issues = section(DatasetType.CONFLUENCE_PAGES), section(DatasetType.JIRA_ISSUES)

    assert pages.config == {"spaceKeys": ["$B {B}", "plain"], "site": "b"}
    assert issues.config == pages.config
    assert section(DatasetType.SLACK_MESSAGES).config == {
        "spaceKeys": ["$B {B}", "plain"],
        "site": "b",
        "channels": ["x"],
    }


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("${NOT_SET}", "line 3: glean.api_key needs the environment variable NOT_SET, which is not set."),
        (
            "${not closed",
            "line 3: glean.api_key has a `${` that is neither `${NAME}` nor `${NAME:-default}`.",
        ),
        ("'${A-b}'", "line 3: glean.api_key has a `${` that is neither `${NAME}` nor `${NAME:-default}`."),
        ("'${1A}'", "line 3: glean.api_key has a `${` that is neither `${NAME}` nor `${NAME:-default}`."),
    ],
)
def test_a_variable_that_cannot_be_replaced_is_named_with_its_line(
    config_files: ConfigFiles, written: str, words: str
) -> None:
    error = config_files.load_error(f"dataops:\n  glean:\n    api_key: {written}")

    assert (error.message, error.field) == (f"{config_files.file}, {words}", "glean.api_key")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dataops:\n  a: [", ", line 2: not YAML: expected the node content"),
        ("dataops:\n\ta: 1", ", line 2: not YAML: found character '\\t'"),
        ("dataops: {a: !!python/name:os.system x}", ", line 1: not YAML: a value that begins with"),
        ("dataops: {}\n---\ndataops: {}", ", line 2: not YAML: but found another document"),
        (
            "dataops: {glean: {dialect: *unknown}}",
            ", line 1: not YAML: a value that begins with '*', '&' or '!' must be in quotes",
        ),
        (b"dataops: \xff\xfe", " is not a YAML file that can be read."),
        (b"dataops: \0", " is not a YAML file that can be read."),
        ("dataops: " + "[" * 2000, " is not a YAML file that can be read."),
        (
            "dataops: {connectors: {jira_issues: {config: {a: 2026-13-45}}}}",
            " is not a YAML file that can be read.",
        ),
        ("#" * (1 << 20) + "\n", " is too large for a configuration."),
        ("", " has no section `dataops`."),
        ("[1, 2]", " has no section `dataops`."),
        ("data_ops: {}", " has no section `dataops`; its section `data_ops` may be misspelled."),
        ("dataops: 5", ", line 1: `dataops` must be a section of keys."),
        ("dataops: [glean]", ", line 1: `dataops` must be a section of keys."),
        ("dataops: {}\ndataops: {}", ", line 2: dataops is set twice."),
        ("dataops:\n  glean: {}\n  glean: {}", ", line 3: glean is set twice."),
        ("dataops:\n  glean:\n    ? [a]\n    : b", ", line 3: glean has a key that is not text."),
    ],
)
def test_a_broken_file_is_named_with_the_line(
    config_files: ConfigFiles, text: str | bytes, words: str
) -> None:
    assert config_files.load_error(text).message.startswith(f"{config_files.file}{words}")


def test_a_usual_file_whose_section_is_misspelt_is_refused(config_files: ConfigFiles) -> None:
    (config_files.cwd / "sdlc_config.yaml").write_text("dataop: {}")

    assert config_files.load_error().message.endswith(
        "has no section `dataops`; its section `dataop` may be misspelled."
    )


def test_a_file_that_was_asked_for_and_is_not_there_is_an_error(config_files: ConfigFiles) -> None:
    error = config_files.load_error(DATASET_LIFECYCLE_CONFIG="missing.yaml")

    assert (
        error.message
        == f"The configuration {config_files.cwd / 'missing.yaml'} cannot be read: No such file or directory."
    )
    assert error.as_dict()["code"] == "invalid_configuration"


def test_a_folder_of_an_account_that_is_not_there_is_an_error(config_files: ConfigFiles) -> None:
    assert config_files.load_error(DATASET_LIFECYCLE_CONFIG="~no-such-account/x").field == "config"
    with pytest.raises(SettingsError) as caught:
        load_settings({}, None, Path("~no-such-account/x"), cwd=config_files.cwd)
    assert caught.value.field == "data_dir"


def test_a_file_that_includes_itself_is_refused(config_files: ConfigFiles) -> None:
    error = config_files.load_error("dataops: {connectors: {jira_issues: {config: &a {x: *a}}}}")

    assert error.message == f"{config_files.file}, line 1: connectors.jira_issues.config.x includes itself."
