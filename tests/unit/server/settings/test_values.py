from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.config_files import ConfigFiles

SQLITE_OR_POSTGRES = "must be sqlite:/// and the path of a file, or postgresql:// and a database"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("mock_data_repo.path", 5, "must be a path"),
        ("mock_data_repo.path", '" "', "must be a path"),
        ("mock_data_repo.path", '"a\\0b"', "must be a path"),
        (
            "mock_data_repo.path",
            "~no-such-account/x",
            "begins with the home folder of an account that does not exist on this machine",
        ),
        (
            "mock_data_repo.path",
            "https://a.example/r.git",
            "must be a folder on this machine: https:// storage is not available yet",
        ),
        ("mock_data_repo.path", "[]", "must name at least one"),
        ("mock_data_repo.path", "[a, 5]", "must be a path"),
        ("mock_data_repo.path", "[a, ' ']", "must be a path"),
        (
            "mock_data_repo.bundled",
            "false",
            "is false, and mock_data_repo.path names no repository that would serve instead",
        ),
        ("mock_data_repo.templates_subdir", "/etc", "must be a path inside the repository, without '..'"),
        (
            "mock_data_repo.templates_subdir",
            "a/../../b",
            "must be a path inside the repository, without '..'",
        ),
        ("mock_data_repo.templates_subdir", "[a]", "must be text"),
        ("glean.dialect", "rest", "must be one of 'admin' or 'indexing'"),
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
        ("glean.api_key", "two words", "contains characters that are not allowed in a key"),
        ("glean.api_key", "schlüssel", "contains characters that are not allowed in a key"),
        ("glean.api_key", 12345, "must be text"),
        (
            "archival.storage_path",
            "s3://bucket/x",
            "must be a folder on this machine: s3:// storage is not available yet",
        ),
        ("archival.retention_days", -1, "must be at least 1"),
        ("archival.retention_days", 36501, "must be at most 36500"),
        ("sanitization.key", "fifteen-bytes..", "must have 16 bytes or more"),
        ("sanitization.patterns", "[a]", "must be a section of keys"),
        ("archival.compression", "perhaps", "must be true or false"),
        ("archival.compression", "[]", "must be true or false"),
        (
            "staging.url",
            "gs://bucket",
            "must be a folder on this machine: gs:// storage is not available yet",
        ),
        ("store.url", "mysql://h/d", SQLITE_OR_POSTGRES),
        ("store.url", "sqlite:///", SQLITE_OR_POSTGRES),
        ("store.url", "'sqlite:///a?mode=ro'", SQLITE_OR_POSTGRES),
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
        ("connectors.jira_issues.clients", "{../x: {}}", "has a client id that is not valid"),
        (
            "connectors.jira_issues.clients",
            "{ACME: {}, acme: {}}",
            "has two client ids that differ only in case",
        ),
    ],
)
def test_a_value_that_will_not_do_is_named_with_its_line(
    config_files: ConfigFiles, key: str, value: object, words: str
) -> None:
    head, _, rest = key.partition(".")
    for part in reversed(rest.split(".") if rest else []):
        value = f"{{{part}: {value}}}"

    error = config_files.load_error(f"dataops:\n  {head}: {value}")

    assert (error.message, error.field) == (f"{config_files.file}, line 2: {key} {words}.", key)


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
            "must not contain a user or password; the key belongs in glean.api_key",
        ),
        (
            "https://glean.example.com/?key=s3cret",
            "must end with its host, port or path, without a query or fragment",
        ),
        (
            "https://glean.example.com/#s3cret",
            "must end with its host, port or path, without a query or fragment",
        ),
        ("http://glean.example.com", "must begin with https:// (http:// is allowed for this machine only)"),
        (
            "http://127.0.0.1.example.com",
            "must begin with https:// (http:// is allowed for this machine only)",
        ),
    ],
)
def test_an_address_that_will_not_do_is_named_by_its_variable_and_never_repeated(
    config_files: ConfigFiles, url: str, words: str
) -> None:
    error = config_files.load_error(GLEAN_API_KEY="k", GLEAN_BASE_URL=url)

    assert (error.message, error.field) == (f"GLEAN_BASE_URL: glean.base_url {words}.", "glean.base_url")


@pytest.mark.parametrize(
    "url", ["https://acme-be.glean.com", "http://localhost:8765", "http://127.0.0.1:1/x", "http://[::1]:8765"]
)
def test_an_address_with_a_key_is_taken_without_its_last_slash(config_files: ConfigFiles, url: str) -> None:
    glean = config_files.load(GLEAN_API_KEY="k", GLEAN_BASE_URL=f"{url}/").glean

    assert (glean.base_url, glean.embedded) == (url, False)


def test_a_key_alone_means_the_usual_address(config_files: ConfigFiles) -> None:
    assert config_files.load(GLEAN_API_KEY="k").glean.base_url == "https://api.glean.com"


def test_an_address_alone_is_refused(config_files: ConfigFiles) -> None:
    error = config_files.load_error(GLEAN_BASE_URL="https://acme-be.glean.com")

    assert (error.message, error.field) == (
        "glean.api_key is missing, but glean.base_url is set: set both, or neither for the embedded sandbox.",
        "glean.api_key",
    )


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_postgresql_database_is_taken_with_a_glean_for_all(config_files: ConfigFiles, scheme: str) -> None:
    settings = config_files.load(GLEAN_API_KEY="k", DATABASE_URL=f"{scheme}://user:s3cret@db/datasets")

    assert (settings.store.shared, config_files.load().store.shared) == (True, False)
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "postgresql+psycopg://user:s3cret@db/datasets",
            "must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        ),
        (
            "postgresql://user:s3cret@db",
            "must name the database: postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        ),
        ("postgres://user:s3cret@db:x/d", "must have a number for its port: "),
        (
            "postgresql://user:s3cret/x@db/d",
            "cannot be read as postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        ),
    ],
)
def test_a_malformed_database_is_named_by_its_variable_and_never_repeated(
    config_files: ConfigFiles, url: str, words: str
) -> None:
    error = config_files.load_error(GLEAN_API_KEY="k", DATABASE_URL=url)

    assert error.message.startswith(f"DATABASE_URL: store.url {words}")
    assert error.field == "store.url"
    assert "s3cret" not in error.message


def test_a_shared_database_with_the_embedded_sandbox_is_refused(config_files: ConfigFiles) -> None:
    error = config_files.load_error(DATABASE_URL="postgresql://user:s3cret@db/datasets")

    assert error.message == (
        "DATABASE_URL: store.url names a shared database, but the embedded sandbox belongs to one machine: "
        "set glean.api_key and glean.base_url (`dataset-lifecycle glean-sandbox` serves a sandbox to all), "
        "or use SQLite."
    )
    assert error.field == "store.url"


def test_a_variable_over_a_section_that_the_file_got_wrong_names_the_file(config_files: ConfigFiles) -> None:
    assert config_files.load_error("dataops: {glean: 5}", GLEAN_API_KEY="k").field == "glean"


def test_everything_that_is_wrong_is_told_at_once(config_files: ConfigFiles) -> None:
    error = config_files.load_error(
        "dataops:\n  archival:\n    retention_days: -1\n  orphans:\n    grace_days: x"
    )

    assert error.message == (
        f"{config_files.file}, line 3: archival.retention_days must be at least 1. "
        f"{config_files.file}, line 5: orphans.grace_days must be a whole number."
    )
    assert error.field == "archival.retention_days"


def test_a_grace_of_no_days_is_allowed(config_files: ConfigFiles) -> None:
    assert config_files.load("dataops: {orphans: {grace_days: 0}}").orphans.grace_days == 0


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
    config_files: ConfigFiles, text: str, key: str, candidate: str
) -> None:
    error = config_files.load_error(f"dataops: {text}")

    assert (
        error.message
        == f"{config_files.file}, line 1: {key} is unknown; the nearest known key is {candidate}."
    )
    assert (error.field, error.candidates[0]) == (key, candidate)


def test_the_password_of_a_database_is_one_of_the_secrets_that_are_kept_out(
    config_files: ConfigFiles,
) -> None:
    settings = config_files.load(GLEAN_API_KEY="k", DATABASE_URL="postgresql://kim:s3cr%40t@db/sets")

    assert "s3cr@t" in settings.secrets()
    assert config_files.load(GLEAN_API_KEY="k", DATABASE_URL="postgresql://kim@db/sets").secrets() == {"k"}


def test_an_export_needs_a_key_and_is_found_from_the_data_folder(config_files: ConfigFiles) -> None:
    error = config_files.load_error("dataops: {sanitization: {export_path: export}}")
    assert error.field == "sanitization.key"
    assert "sanitization.key is missing, but sanitization.export_path is set" in error.message

    key = "of sixteen bytes"
    settings = config_files.load(SANITIZATION_EXPORT_PATH="export", SANITIZATION_KEY=key)
    assert settings.sanitization.export_path == config_files.data / "export"
    assert settings.secrets() == {key}
    assert key not in repr(settings)
