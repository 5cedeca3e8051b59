"""What has to be set for golden questions to be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.config_files import ConfigFiles

INSTANCE = {
    "GLEAN_DIALECT": "indexing",
    "GLEAN_API_KEY": "indexing-token",
    "GLEAN_BASE_URL": "https://acme-be.glean.com",
}


def test_a_client_token_is_a_secret_beside_the_key(config_files: ConfigFiles) -> None:
    settings = config_files.load(
        **INSTANCE, GLEAN_CLIENT_TOKEN="client-token", GLEAN_ACT_AS="ada@example.com"
    )

    assert settings.glean.client_token is not None
    assert settings.glean.client_token.get_secret_value() == "client-token"
    assert settings.glean.act_as == "ada@example.com"
    assert settings.secrets() >= {"indexing-token", "client-token"}
    assert "client-token" not in repr(settings)


@pytest.mark.parametrize("token", ["two words", "schlüssel"])
def test_a_client_token_with_what_no_token_has_is_refused(config_files: ConfigFiles, token: str) -> None:
    error = config_files.load_error(**INSTANCE, GLEAN_CLIENT_TOKEN=token)

    assert (
        error.message
        == "GLEAN_CLIENT_TOKEN: glean.client_token contains characters that are not allowed in a key."
    )


@pytest.mark.parametrize(
    "person", ["ada", "ada@", "@example.com", "a b@example.com", "ada@ex@ample.com", "ü@e.com"]
)
def test_whom_to_act_as_is_told_by_e_mail_address(config_files: ConfigFiles, person: str) -> None:
    error = config_files.load_error(**INSTANCE, GLEAN_CLIENT_TOKEN="t", GLEAN_ACT_AS=person)

    assert error.message == "GLEAN_ACT_AS: glean.act_as must be an e-mail address."


def test_nobody_is_acted_as_without_a_client_token(config_files: ConfigFiles) -> None:
    error = config_files.load_error(**INSTANCE, GLEAN_ACT_AS="ada@example.com")

    assert error.field == "glean.act_as"
    assert error.message.endswith(
        "names the person as whom a client token searches: set glean.client_token too."
    )


@pytest.mark.parametrize("seconds", [0, 3601])
def test_asking_has_a_deadline_within_reason(config_files: ConfigFiles, seconds: int) -> None:
    error = config_files.load_error(f"dataops: {{provisioning: {{questions_deadline_s: {seconds}}}}}")

    assert error.field == "provisioning.questions_deadline_s"
