from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from domain.errors import SettingsError
from domain.model import DatasetType, Stage
from server.settings import Settings, load

CONFLUENCE = DatasetType.CONFLUENCE_PAGES


class Given:
    """A working folder and a data folder, and the loading of what a test puts there."""

    def __init__(self, root: Path) -> None:
        self.cwd = root / "cwd"
        self.data = root / "data"
        self.file = self.cwd / "config.yaml"
        self.cwd.mkdir()

    def load(self, text: str | bytes | None = None, /, **environ: str) -> Settings:
        if text is None:
            return load(environ, None, self.data, cwd=self.cwd)
        self.file.write_bytes(text.encode() if isinstance(text, str) else text)
        return load(environ, self.file, self.data, cwd=self.cwd)

    def refused(self, text: str | bytes | None = None, /, **environ: str) -> SettingsError:
        with pytest.raises(SettingsError) as caught:
            self.load(text, **environ)
        return caught.value


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return Given(tmp_path)


# --- what holds when nothing is set --------------------------------------------------------------------------------


def test_with_nothing_set_everything_has_the_value_of_the_specification(given: Given) -> None:
    settings = given.load()

    assert settings.model_dump() == {
        "data_dir": given.data,
        "config_file": None,
        "mock_data_repo": {"path": None, "templates_subdir": "mock_data/templates"},
        "glean": {
            "api_key": None,
            "base_url": None,
            "dialect": "admin",
            "requests_per_second": 30.0,
            "concurrency": 8,
            "timeout_s": 30.0,
        },
        "connectors": {
            each.value: {"config": {}, "site": None, "credential": None, "stages": {}, "clients": {}}
            for each in DatasetType
        },
        "archival": {
            "storage_path": given.data / "archives",
            "retention_days": 90,
            "compression": True,
            "full_data": True,
        },
        "staging": {"url": given.data / "staging"},
        "store": {"url": None},
        "provisioning": {"sync_deadline_s": 1800, "concurrent": 4},
        "teardown": {"stop_deadline_s": 300},
        "orphans": {"grace_days": 7, "sweep_count": 25, "sweep_share": 0.3},
        "limits": {"live_datasets_per_client": 50, "records_per_dataset": 10_000_000},
    }
    assert settings.glean.embedded
    assert settings.store_path == given.data / "store.db"


def test_loading_makes_nothing(given: Given) -> None:
    given.load()

    assert not given.data.exists()


@pytest.mark.parametrize(
    "text",
    ["dataops:\n", "dataops: {}\n", "dataops:\n  glean: {api_key: ''}\n  archival: {retention_days: }\n"],
)
def test_a_key_without_a_value_is_as_good_as_not_there(given: Given, text: str) -> None:
    assert given.load(text) == given.load().model_copy(update={"config_file": given.file})


# --- where it is read from -----------------------------------------------------------------------------------------


def test_the_argument_comes_before_the_variable_and_that_before_the_usual_file(given: Given) -> None:
    for name, days in (("argument.yaml", 1), ("variable.yaml", 2), ("sdlc_config.yaml", 3)):
        (given.cwd / name).write_text(f"dataops: {{archival: {{retention_days: {days}}}}}")
    variable = {"DATASET_LIFECYCLE_CONFIG": "variable.yaml"}

    def chosen(environ: dict[str, str], argument: Path | None) -> tuple[int, Path | None]:
        settings = load(environ, argument, given.data, cwd=given.cwd)
        return settings.archival.retention_days, settings.config_file

    assert chosen(variable, Path("argument.yaml")) == (1, given.cwd / "argument.yaml")
    assert chosen(variable, None) == (2, given.cwd / "variable.yaml")
    assert chosen({"DATASET_LIFECYCLE_CONFIG": ""}, None) == (3, given.cwd / "sdlc_config.yaml")


def test_the_data_folder_is_the_argument_then_the_variable_then_the_platforms(given: Given) -> None:
    variable = {"DATASET_LIFECYCLE_DATA_DIR": "elsewhere"}

    assert load(variable, None, Path("here"), cwd=given.cwd).data_dir == given.cwd / "here"
    assert load(variable, None, None, cwd=given.cwd).data_dir == given.cwd / "elsewhere"
    assert load({}, None, None, cwd=given.cwd).data_dir == platformdirs.user_data_path("dataset-lifecycle")


def test_the_working_folder_is_the_processs_own_when_none_is_given(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(given.cwd)
    (given.cwd / "sdlc_config.yaml").write_text("dataops: {archival: {retention_days: 3}}")

    assert load({}, None, given.data).archival.retention_days == 3


def test_relative_paths_are_taken_from_the_data_folder_and_never_from_the_working_folder(
    given: Given,
) -> None:
    settings = given.load(
        "dataops: {archival: {storage_path: ./a}, staging: {url: s}, store: {url: sqlite:///x/y.db}}",
        MOCK_DATA_REPO_PATH="../repo",
    )

    assert settings.archival.storage_path == given.data / "a"
    assert settings.staging.url == given.data / "s"
    assert settings.store_path == given.data / "x" / "y.db"
    assert settings.mock_data_repo.path == given.data / "../repo"


def test_absolute_paths_and_those_of_the_home_folder_stay_what_they_are(given: Given) -> None:
    settings = given.load(
        "dataops: {archival: {storage_path: /a}, staging: {url: ~/s}, store: {url: sqlite:////x/y%20z.db}}"
    )

    assert settings.archival.storage_path == Path("/a")
    assert settings.staging.url == Path("~/s").expanduser()
    assert settings.store_path == Path("/x/y z.db")


def test_the_environment_wins_over_the_file_and_an_empty_variable_is_not_set(given: Given) -> None:
    text = "dataops: {archival: {storage_path: /file}, glean: {api_key: k, base_url: 'https://file.example'}}"

    settings = given.load(text, ARCHIVAL_PATH="/variable", GLEAN_API_KEY="other", GLEAN_BASE_URL="")

    assert settings.archival.storage_path == Path("/variable")
    assert settings.glean.api_key is not None
    assert settings.glean.api_key.get_secret_value() == "other"
    assert settings.glean.base_url == "https://file.example"


def test_other_sections_of_the_file_are_nobodys_business(given: Given) -> None:
    text = "other: {key: '${NOT_SET}', key: twice}\ndataops: {archival: {retention_days: 3}}"

    assert given.load(text).archival.retention_days == 3


def test_a_usual_file_of_something_else_is_left_alone(given: Given) -> None:
    (given.cwd / "sdlc_config.yaml").write_text("pipelines: {}")

    assert given.load().archival.retention_days == 90


# --- variables in the file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "environ", "days"),
    [
        ("${DAYS}", {"DAYS": "5"}, 5),
        ('"${DAYS}"', {"DAYS": "5"}, 5),
        ("${DAYS:-7}", {"DAYS": "5"}, 5),
        ("${DAYS:-7}", {}, 7),
        ("${DAYS:-7}", {"DAYS": ""}, 7),
        ("${DAYS:-}", {}, 90),
        ("1${DAYS:-}${TAIL}", {"TAIL": "2"}, 12),
    ],
)
def test_a_variable_is_replaced_by_its_value_or_default(
    given: Given, written: str, environ: dict[str, str], days: int
) -> None:
    assert (
        given.load(f"dataops:\n  archival:\n    retention_days: {written}", **environ).archival.retention_days
        == days
    )


def test_a_variables_value_is_text_and_never_yaml(given: Given) -> None:
    text = "dataops:\n  glean:\n    api_key: ${KEY}\n  archival:\n    storage_path: ${FOLDER}"

    settings = given.load(text, KEY="12345", FOLDER="/a: {b: !!python/name:os.system '${KEY}'}")

    assert settings.glean.api_key is not None
    assert settings.glean.api_key.get_secret_value() == "12345"
    assert settings.archival.storage_path == Path("/a: {b: !!python/name:os.system '${KEY}'}")


def test_a_variable_is_replaced_wherever_it_stands_and_an_alias_once(given: Given) -> None:
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

    connectors = given.load(text, A="${B}").connectors

    assert connectors.confluence_pages.config == {"spaceKeys": ["${B}", "plain"], "site": "b"}
    assert connectors.jira_issues.config == connectors.confluence_pages.config
    assert connectors.slack_messages.config == {
        "spaceKeys": ["${B}", "plain"],
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
    given: Given, written: str, words: str
) -> None:
    error = given.refused(f"dataops:\n  glean:\n    api_key: {written}")

    assert (error.message, error.field) == (f"{given.file}, {words}", "glean.api_key")


# --- files that cannot be read -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dataops:\n  a: [", ", line 2: not YAML: expected the node content"),
        ("dataops:\n\ta: 1", ", line 2: not YAML: found character '\\t'"),
        ("dataops: {a: !!python/name:os.system x}", ", line 1: not YAML: could not determine a constructor"),
        ("dataops: {}\n---\ndataops: {}", ", line 2: not YAML: but found another document"),
        ("dataops: {glean: {dialect: *unknown}}", ", line 1: not YAML: found undefined alias"),
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
        ("data_ops: {}", " has no section `dataops`; `data_ops` may be meant for it."),
        ("dataops: 5", ", line 1: `dataops` must be a section of keys."),
        ("dataops: [glean]", ", line 1: `dataops` must be a section of keys."),
        ("dataops: {}\ndataops: {}", ", line 2: dataops is there twice."),
        ("dataops:\n  glean: {}\n  glean: {}", ", line 3: glean is there twice."),
        ("dataops:\n  glean:\n    ? [a]\n    : b", ", line 3: glean has a key that is no text."),
    ],
)
def test_a_broken_file_is_named_with_the_line(given: Given, text: str | bytes, words: str) -> None:
    assert given.refused(text).message.startswith(f"{given.file}{words}")


def test_a_usual_file_whose_section_is_misspelt_is_refused(given: Given) -> None:
    (given.cwd / "sdlc_config.yaml").write_text("dataop: {}")

    assert given.refused().message.endswith("has no section `dataops`; `dataop` may be meant for it.")


def test_a_file_that_was_asked_for_and_is_not_there_is_an_error(given: Given) -> None:
    error = given.refused(DATASET_LIFECYCLE_CONFIG="missing.yaml")

    assert (
        error.message
        == f"The configuration {given.cwd / 'missing.yaml'} cannot be read: No such file or directory."
    )
    assert error.as_dict()["code"] == "invalid_configuration"


def test_a_folder_of_an_account_that_is_not_there_is_an_error(given: Given) -> None:
    assert given.refused(DATASET_LIFECYCLE_CONFIG="~no-such-account/x").field == "config"
    with pytest.raises(SettingsError) as caught:
        load({}, None, Path("~no-such-account/x"), cwd=given.cwd)
    assert caught.value.field == "data_dir"


def test_a_file_that_includes_itself_is_refused(given: Given) -> None:
    error = given.refused("dataops: {connectors: {jira_issues: {config: &a {x: *a}}}}")

    assert error.message == f"{given.file}, line 1: connectors.jira_issues.config.x includes itself."


# --- values that will not do ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("mock_data_repo.path", 5, "must be a path"),
        ("mock_data_repo.path", '" "', "must be a path"),
        ("mock_data_repo.path", '"a\\0b"', "must be a path"),
        (
            "mock_data_repo.path",
            "~no-such-account/x",
            "begins with the home folder of an account that is not here",
        ),
        (
            "mock_data_repo.path",
            "https://a.example/r.git",
            "must be a folder on this machine: https:// storage is not available yet",
        ),
        ("mock_data_repo.templates_subdir", "/etc", "must be a path inside the repository, without '..'"),
        (
            "mock_data_repo.templates_subdir",
            "a/../../b",
            "must be a path inside the repository, without '..'",
        ),
        ("mock_data_repo.templates_subdir", "[a]", "must be text"),
        ("glean.dialect", "rest", "must be one of 'admin' or 'indexing'"),
        ("glean.dialect", "indexing", "cannot be `indexing` yet: this version speaks the Admin dialect only"),
        ("glean.requests_per_second", 0, "must be at least 0.1"),
        ("glean.requests_per_second", "many", "must be a number"),
        ("glean.requests_per_second", "[]", "must be a number"),
        ("glean.requests_per_second", "true", "must be a number"),
        ("glean.requests_per_second", ".nan", "must be a finite number"),
        ("glean.requests_per_second", ".inf", "must be a finite number"),
        ("glean.concurrency", 65, "must be at most 64"),
        ("glean.concurrency", 1.5, "must be a whole number"),
        ("glean.concurrency", ".inf", "must be a finite number"),
        ("glean.concurrency", "two", "must be a whole number"),
        ("glean.concurrency", "[]", "must be a whole number"),
        ("glean.concurrency", "true", "must be a number"),
        ("glean.concurrency", f'"{"9" * 5000}"', "must be a whole number"),
        ("glean.timeout_s", 0, "must be at least 1"),
        ("glean.api_key", "two words", "holds characters that no key has"),
        ("glean.api_key", "schlüssel", "holds characters that no key has"),
        ("glean.api_key", 12345, "must be text"),
        (
            "archival.storage_path",
            "s3://bucket/x",
            "must be a folder on this machine: s3:// storage is not available yet",
        ),
        ("archival.retention_days", 0, "must be at least 1"),
        ("archival.retention_days", 36501, "must be at most 36500"),
        ("archival.compression", "perhaps", "must be true or false"),
        ("archival.compression", "[]", "must be true or false"),
        (
            "staging.url",
            "gs://bucket",
            "must be a folder on this machine: gs:// storage is not available yet",
        ),
        ("store.url", "mysql://h/d", "must be sqlite:/// and the path of a file"),
        ("store.url", "sqlite:///", "must be sqlite:/// and the path of a file"),
        ("store.url", "'sqlite:///a?mode=ro'", "must be sqlite:/// and the path of a file"),
        ("provisioning.sync_deadline_s", 0, "must be at least 1"),
        ("provisioning.concurrent", 0, "must be at least 1"),
        ("teardown.stop_deadline_s", -1, "must be at least 1"),
        ("orphans.grace_days", -1, "must be at least 0"),
        ("orphans.sweep_count", 0, "must be at least 1"),
        ("orphans.sweep_share", 0, "must be more than 0"),
        ("orphans.sweep_share", 1.1, "must be at most 1"),
        ("limits.live_datasets_per_client", 0, "must be at least 1"),
        ("limits.records_per_dataset", 0, "must be at least 1"),
        ("glean", 5, "must be a section of keys"),
        ("connectors.jira_issues", "[]", "must be a section of keys"),
        ("connectors.jira_issues.config", 5, "must be a section of keys"),
        ("connectors.jira_issues.stages.demo", "{}", "must be one of 'sandbox', 'pilot' or 'production'"),
        ("connectors.jira_issues.clients", "{../x: {}}", "has a client id that cannot be one"),
        (
            "connectors.jira_issues.clients",
            "{ACME: {}, acme: {}}",
            "has two client ids that differ only in case",
        ),
    ],
)
def test_a_value_that_will_not_do_is_named_with_its_line(
    given: Given, key: str, value: object, words: str
) -> None:
    head, _, rest = key.partition(".")
    for part in reversed(rest.split(".") if rest else []):
        value = f"{{{part}: {value}}}"

    error = given.refused(f"dataops:\n  {head}: {value}")

    assert (error.message, error.field) == (f"{given.file}, line 2: {key} {words}.", key)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("glean.example.com", "must be an address such as https://api.glean.com"),
        ("ftp://glean.example.com", "must be an address such as https://api.glean.com"),
        ("https://", "must be an address such as https://api.glean.com"),
        ("https://glean.example.com:port", "must be an address such as https://api.glean.com"),
        ("https://glean example.com", "must be an address such as https://api.glean.com"),
        (
            "https://user:s3cret@glean.example.com",
            "must not hold a user or password; the key belongs into glean.api_key",
        ),
        (
            "https://glean.example.com/?key=s3cret",
            "must end with its host, port or path, without a query or fragment",
        ),
        (
            "https://glean.example.com/#s3cret",
            "must end with its host, port or path, without a query or fragment",
        ),
        ("http://glean.example.com", "must begin with https:// (http:// is for this machine only)"),
        ("http://127.0.0.1.example.com", "must begin with https:// (http:// is for this machine only)"),
    ],
)
def test_an_address_that_will_not_do_is_named_by_its_variable_and_never_repeated(
    given: Given, url: str, words: str
) -> None:
    error = given.refused(GLEAN_API_KEY="k", GLEAN_BASE_URL=url)

    assert (error.message, error.field) == (f"GLEAN_BASE_URL: glean.base_url {words}.", "glean.base_url")


@pytest.mark.parametrize(
    "url", ["https://acme-be.glean.com", "http://localhost:8765", "http://127.0.0.1:1/x", "http://[::1]:8765"]
)
def test_an_address_with_a_key_is_taken_without_its_last_slash(given: Given, url: str) -> None:
    glean = given.load(GLEAN_API_KEY="k", GLEAN_BASE_URL=f"{url}/").glean

    assert (glean.base_url, glean.embedded) == (url, False)


def test_a_key_alone_means_the_usual_address(given: Given) -> None:
    assert given.load(GLEAN_API_KEY="k").glean.base_url == "https://api.glean.com"


def test_an_address_alone_is_refused(given: Given) -> None:
    error = given.refused(GLEAN_BASE_URL="https://acme-be.glean.com")

    assert (error.message, error.field) == (
        "glean.api_key is missing, and glean.base_url is set: set both, or none of them for the embedded sandbox.",
        "glean.api_key",
    )


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_not_available_yet_and_its_password_is_not_repeated(given: Given, scheme: str) -> None:
    error = given.refused(DATABASE_URL=f"{scheme}://user:s3cret@db/datasets")

    assert error.message == (
        "DATABASE_URL: store.url names a PostgreSQL database, which is not available yet: leave it out to use SQLite."
    )


def test_a_variable_over_a_section_that_the_file_got_wrong_names_the_file(given: Given) -> None:
    assert given.refused("dataops: {glean: 5}", GLEAN_API_KEY="k").field == "glean"


def test_everything_that_is_wrong_is_told_at_once(given: Given) -> None:
    error = given.refused("dataops:\n  archival:\n    retention_days: 0\n  orphans:\n    grace_days: x")

    assert error.message == (
        f"{given.file}, line 3: archival.retention_days must be at least 1. "
        f"{given.file}, line 5: orphans.grace_days must be a whole number."
    )
    assert error.field == "archival.retention_days"


def test_a_grace_of_no_days_is_allowed(given: Given) -> None:
    assert given.load("dataops: {orphans: {grace_days: 0}}").orphans.grace_days == 0


@pytest.mark.parametrize(
    ("text", "key", "candidate"),
    [
        ("{gleam: {}}", "gleam", "glean"),
        ("{gleam: }", "gleam", "glean"),
        ("{data_dir: /x}", "data_dir", "mock_data_repo"),
        ("{archival: {retention_day: 5}}", "archival.retention_day", "retention_days"),
        ("{connectors: {jira: {}}}", "connectors.jira", "jira_issues"),
        ("{connectors: {jira_issues: {conf: {}}}}", "connectors.jira_issues.conf", "config"),
        (
            "{connectors: {jira_issues: {stages: {pilot: {token: x}}}}}",
            "connectors.jira_issues.stages.pilot.token",
            "config",
        ),
        (
            "{connectors: {jira_issues: {clients: {A: {stage: {}}}}}}",
            "connectors.jira_issues.clients.A.stage",
            "stages",
        ),
        (
            "{connectors: {jira_issues: {clients: {A: {stages: {pilot: {sites: x}}}}}}}",
            "connectors.jira_issues.clients.A.stages.pilot.sites",
            "site",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known(
    given: Given, text: str, key: str, candidate: str
) -> None:
    error = given.refused(f"dataops: {text}")

    assert error.message == f"{given.file}, line 1: {key} is not known; the nearest known key is {candidate}."
    assert (error.field, error.candidates[0]) == (key, candidate)


# --- connectors ----------------------------------------------------------------------------------------------------

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
    given: Given, stage: Stage, client_id: str, layers: list[str | None], token: str
) -> None:
    connectors = given.load(LAYERS).connectors
    credential = connectors.credential(CONFLUENCE, stage, client_id)

    found = connectors.overrides(CONFLUENCE, stage, client_id)

    assert [each["config"].get("baseUrl") for each in found] == layers
    assert credential is not None
    assert credential.get_secret_value() == token


def test_a_site_is_laid_over_with_the_configuration_and_a_credential_never_is(given: Given) -> None:
    connectors = given.load(LAYERS).connectors

    assert connectors.overrides(CONFLUENCE, Stage.SANDBOX, "ACME") == [
        {"config": {"baseUrl": "type"}},
        {"config": {"baseUrl": "client"}, "site": "https://acme.example"},
    ]


def test_where_no_credential_is_set_there_is_none(given: Given) -> None:
    assert given.load().connectors.credential(CONFLUENCE, Stage.PILOT, "ACME") is None


def test_no_secret_is_shown(given: Given) -> None:
    settings = given.load(LAYERS, GLEAN_API_KEY="s3cret-key")
    shown = f"{settings!r} {settings} {settings.model_dump_json()}"

    assert "s3cret-key" not in shown
    assert "-token" not in shown
