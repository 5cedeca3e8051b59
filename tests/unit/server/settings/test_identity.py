from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.errors import SettingsError
from domain.model.principal import Principal
from server.mcp_server.serve import build_http_access
from server.mcp_server.server import local_agent_principal
from server.web.auth.gate import build_gate

if TYPE_CHECKING:
    from tests.support.config_files import ConfigFiles

WHOLE = {
    "issuer": "https://login.example.com",
    "audience": "https://mcp.example.com/mcp",
    "jwks_url": "http://127.0.0.1:9/jwks",
}
KEY = "{one: '-----BEGIN PUBLIC KEY----- AAAA'}"


def section_yaml(section: str = "identity", /, **values: str) -> str:
    return f"dataops:\n  {section}: {{{', '.join(f'{key}: {value}' for key, value in values.items())}}}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": ""}, "identity.issuer is missing: tokens need an issuer, an audience and keys."),
        ({"audience": ""}, "identity.audience is missing: tokens need an issuer, an audience and keys."),
        (
            {"jwks_url": ""},
            "identity.jwks_url is needed, or jwks_file, or keys: exactly one of the three.",
        ),
        ({"keys": KEY}, "identity.jwks_url is needed, or jwks_file, or keys: exactly one of the three."),
        (
            {"jwks_url": "http://login.example.com/jwks"},
            "identity.jwks_url must begin with https:// (http:// is allowed for this machine only).",
        ),
        (
            {"jwks_url": "https://user:s3cret@login.example.com"},
            "identity.jwks_url must not contain a user, a password or a fragment.",
        ),
        ({"issuer": "login"}, "identity.issuer must be an address such as https://login.example.com."),
        (
            {"issuer": "'https://h:port'"},
            "identity.issuer must be an address such as https://login.example.com.",
        ),
        ({"algorithms": "[]"}, "identity.algorithms must name at least one."),
        ({"leeway_s": "301"}, "identity.leeway_s must be at most 300."),
        ({"keys": "{one: AAAA}"}, "must be public keys in PEM, beginning with -----BEGIN PUBLIC KEY-----."),
        (
            {"keys": "{one: '-----BEGIN PRIVATE KEY-----'}"},
            "contains a private key, which only the issuer may have.",
        ),
        ({"local": "{scopes: [datasets:reed]}"}, "identity.local.scopes.0 must be one of datasets:read, "),
        ({"local": "{clients: [../x]}"}, "identity.local.clients.0 is not a client id."),
    ],
)
def test_an_identity_that_will_not_do_is_refused(
    config_files: ConfigFiles, changes: dict[str, str], words: str
) -> None:
    assert words in config_files.load_error(section_yaml(**WHOLE | changes)).message


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512"])
def test_no_shared_secret_can_be_allowed(config_files: ConfigFiles, algorithm: str) -> None:
    error = config_files.load_error(section_yaml(**WHOLE, algorithms=f"[{algorithm}]"))
    assert "identity.algorithms.0 must be one of 'RS256'" in error.message


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("allowed_hosts", "['https://a.example']", "http.allowed_hosts.0 must be a host"),
        ("allowed_hosts", "['*']", "http.allowed_hosts.0 must be a host"),
        ("allowed_origins", "[a.example]", "http.allowed_origins.0 must be an origin"),
        ("allowed_origins", "['*']", "http.allowed_origins.0 must be an origin"),
        (
            "allowed_hosts",
            "[a.example]",
            "http gives access to other machines, which needs the section identity.",
        ),
        ("allowed_origins", "['https://a.example']", "http gives access to other machines"),
    ],
)
def test_names_that_will_not_do_are_refused(
    config_files: ConfigFiles, key: str, value: str, words: str
) -> None:
    assert words in config_files.load_error(section_yaml("http", **{key: value})).message


def test_without_an_issuer_there_is_no_gate(config_files: ConfigFiles) -> None:
    settings = config_files.load()
    assert (build_gate(settings.identity), build_http_access(settings).gate) == (None, None)


def test_the_door_opens_to_the_names_of_the_configuration(config_files: ConfigFiles) -> None:
    text = section_yaml(**WHOLE, keys="") + "\n  http: {allowed_hosts: ['[::1]:8000', 'a.example:*']}"
    door = build_http_access(config_files.load(text))
    assert door.hosts[3:] == ["mcp.example.com", "[::1]:8000", "a.example:*"]
    assert door.origins[3:] == ["https://mcp.example.com"]


def test_a_pem_that_holds_no_key_is_refused_before_serving(config_files: ConfigFiles) -> None:
    settings = config_files.load(section_yaml(**WHOLE | {"jwks_url": "", "keys": KEY}))
    with pytest.raises(SettingsError) as refused:
        build_http_access(settings)
    assert refused.value.field == "identity.keys.one"


def test_an_account_is_granted_what_is_written(config_files: ConfigFiles) -> None:
    text = section_yaml(local="{scopes: [datasets:read], clients: []}")
    granted = local_agent_principal(config_files.load(text).identity.local)
    assert granted == Principal(
        subject=local_agent_principal().subject, scopes=frozenset({"datasets:read"}), clients=frozenset()
    )
    assert local_agent_principal(config_files.load().identity.local) == local_agent_principal()
