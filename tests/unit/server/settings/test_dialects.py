"""What has to be set for which of Glean's APIs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.config_files import ConfigFiles

NO_INSTANCE = (
    "is not the server of an instance, which has an address such as https://acme-be.glean.com "
    '(Glean shows it at app.glean.com/admin/about-glean as "Server instance")'
)
PATH = "must end with its host or port, because the path of the Indexing API is appended to it"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://api.glean.com", NO_INSTANCE),
        ("https://app.glean.com", NO_INSTANCE),
        ("https://GLEAN.com/", NO_INSTANCE),
        ("https://acme.glean.com", NO_INSTANCE),
        ("https://developers.glean.com", NO_INSTANCE),
        ("https://acme-be.glean.com/api/index/v1", PATH),
        ("https://acme-be.glean.com/api/index/v1/", PATH),
        ("http://acme-be.glean.com", "must begin with https:// (http:// is allowed for this machine only)"),
        (
            "https://kim:pw@acme-be.glean.com",
            "must not contain a user or password; the key belongs in glean.api_key",
        ),
        (
            "https://acme-be.glean.com?x=1",
            "must end with its host, port or path, without a query or fragment",
        ),
        (
            "https://acme-be.glean.com/#top",
            "must end with its host, port or path, without a query or fragment",
        ),
        ("acme-be.glean.com", "must be an address such as https://api.glean.com"),
    ],
)
def test_an_address_that_is_no_instances_is_refused_before_anything_is_sent_there(
    config_files: ConfigFiles, url: str, words: str
) -> None:
    error = config_files.load_error(GLEAN_DIALECT="indexing", GLEAN_API_KEY="k", GLEAN_BASE_URL=url)

    assert (error.message, error.field) == (f"GLEAN_BASE_URL: glean.base_url {words}.", "glean.base_url")


@pytest.mark.parametrize(
    "url",
    [
        "https://acme-be.glean.com",
        "https://Acme-BE.glean.com",
        "https://be-4f5226e2.glean.com",
        "https://search.acme.example",
        "http://127.0.0.1:8765",
    ],
)
def test_the_address_of_an_instance_is_taken(config_files: ConfigFiles, url: str) -> None:
    glean = config_files.load(GLEAN_DIALECT="indexing", GLEAN_API_KEY="k", GLEAN_BASE_URL=f"{url}/").glean

    assert (glean.dialect, glean.base_url, glean.embedded) == ("indexing", url, False)


def test_the_indexing_dialect_has_no_usual_address(config_files: ConfigFiles) -> None:
    error = config_files.load_error("dataops: {glean: {dialect: indexing}}", GLEAN_API_KEY="k")

    assert error.field == "glean.base_url"
    assert error.message.endswith(
        "glean.base_url is missing, but glean.api_key is set: each instance has an address of its own for the dialect "
        "`indexing`, such as https://acme-be.glean.com. Set both, or neither for the embedded sandbox."
    )


def test_an_address_without_a_token_is_refused_in_this_dialect_too(config_files: ConfigFiles) -> None:
    error = config_files.load_error(GLEAN_DIALECT="indexing", GLEAN_BASE_URL="https://acme-be.glean.com")

    assert error.field == "glean.api_key"


def test_without_key_and_address_the_embedded_sandbox_speaks_it(config_files: ConfigFiles) -> None:
    glean = config_files.load(GLEAN_DIALECT="indexing").glean

    assert (glean.dialect, glean.embedded) == ("indexing", True)


def test_a_dialect_that_nobody_speaks_names_those_that_there_are(config_files: ConfigFiles) -> None:
    error = config_files.load_error(GLEAN_DIALECT="rest", GLEAN_API_KEY="k")

    assert error.message == "GLEAN_DIALECT: glean.dialect must be one of 'admin' or 'indexing'."


@pytest.mark.parametrize(
    ("text", "deadline"),
    [
        ("{glean: {dialect: admin}}", timedelta(minutes=30)),
        ("{glean: {dialect: indexing}}", timedelta(hours=4)),
        ("{glean: {dialect: indexing}, provisioning: {sync_deadline_s: 60}}", timedelta(minutes=1)),
    ],
)
def test_a_sync_may_take_as_long_as_is_usual_for_the_dialect(
    config_files: ConfigFiles, text: str, deadline: timedelta
) -> None:
    assert config_files.load(f"dataops: {text}").sync_deadline == deadline
