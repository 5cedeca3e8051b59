from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from domain.model.event import EventKind
from server.settings import Settings

if TYPE_CHECKING:
    from tests.support.config_files import ConfigFiles

KEY = "whsec_" + b64encode(bytes(24)).decode()
URL = "https://hooks.example.com/x?token=hush"


def webhook_yaml(url: str = URL, secrets: str = f"[{KEY}]", name: str = "one", more: str = "") -> str:
    return f"""\
dataops:
  events:
    webhooks:
      - name: {name}
        url: {url}
        secrets: {secrets}
{more}"""


def test_a_webhook_has_a_name_an_address_and_one_or_two_keys(config_files: ConfigFiles) -> None:
    settings = config_files.load(
        webhook_yaml(more="        kinds: ['dataset:torn_down']\n        clients: [acme]\n")
    )
    [webhook] = settings.events.webhooks
    assert (webhook.name, webhook.url) == ("one", URL)
    assert (webhook.kinds, webhook.clients) == ((EventKind.TORN_DOWN,), ("acme",))
    two = config_files.load(webhook_yaml(secrets=f"['{KEY}', '${{NEXT}}']"), NEXT=KEY).events.webhooks[0]
    assert [each.get_secret_value() for each in two.secrets] == [KEY, KEY]
    assert config_files.load(webhook_yaml(url="http://127.0.0.1:9/hook")).events.webhooks[0].kinds is None


def test_a_key_is_shown_nowhere(config_files: ConfigFiles) -> None:
    settings = config_files.load(webhook_yaml())
    assert KEY not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert isinstance(settings, Settings)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hooks.example.com/x", "must begin with https://"),
        ("https://kim:hush@hooks.example.com/x", "must not contain a user"),
        ("https://hooks.example.com/#hush", "must not contain a user, a password or a fragment"),
        ("ftp://hush.example.com", "must be an address"),
        ("https://", "must be an address"),
        ("https://[hush", "must be an address"),
        ("https://hush.example.com:port/", "must be an address"),
        ("'https://hush.example.com/a b'", "must be an address"),
        ("https://xn--hush-/", "must be an address"),
        ("https://1.2.3.999/hush", "must be an address"),
        ("http://localhost.hush.example.com/", "must begin with https://"),
        ("http://127.0.0.1.hush.example.com/", "must begin with https://"),
        ("http://localhost./hush", "must begin with https://"),
        ("http://127.1/hush", "must begin with https://"),
        ("http://0.0.0.0/hush", "must begin with https://"),
        ("http://2130706433/hush", "must begin with https://"),
        ("http://[::ffff:127.0.0.1]/hush", "must begin with https://"),
    ],
)
def test_an_address_that_will_not_do_is_refused_by_field_and_not_repeated(
    config_files: ConfigFiles, url: str, words: str
) -> None:
    error = config_files.load_error(webhook_yaml(url=url))
    assert error.field == "events.webhooks.0.url"
    assert words in error.message
    assert "line 5" in error.message
    assert "hush" not in error.message


@pytest.mark.parametrize(
    ("secrets", "field"),
    [
        ("[]", "events.webhooks.0.secrets"),
        (f"['{KEY}', '{KEY}', '{KEY}']", "events.webhooks.0.secrets"),
        ("[hush-hush-hush-hush-hush-hush]", "events.webhooks.0.secrets.0"),
        (f"['{KEY}', 'whsec_aHVzaA==']", "events.webhooks.0.secrets.1"),
        ("['whsec_hush-hush-hush-hush-hush-hush!']", "events.webhooks.0.secrets.0"),
        (f"['{KEY.removeprefix('whsec_')}']", "events.webhooks.0.secrets.0"),
        ("['whsec_hüsh']", "events.webhooks.0.secrets.0"),
    ],
)
def test_a_key_that_will_not_do_is_refused_by_field_and_not_repeated(
    config_files: ConfigFiles, secrets: str, field: str
) -> None:
    error = config_files.load_error(webhook_yaml(secrets=secrets))
    assert error.field == field
    assert "hush" not in error.message
    assert KEY.removeprefix("whsec_") not in error.message


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ("        kinds: ['dataset:vanished']\n", "events.webhooks.0.kinds.0"),
        ("        kinds: []\n", "events.webhooks.0.kinds"),
        ("        clients: ['a b']\n", "events.webhooks.0.clients.0"),
        ("        secret: x\n", "events.webhooks.0.secret"),
        ("    attempts: 0\n", "events.attempts"),
        ("    timeout_s: 61\n", "events.timeout_s"),
        ("    first_retry_s: 10\n    longest_retry_s: 5\n", "events.longest_retry_s"),
    ],
)
def test_what_will_not_do_is_refused_by_field(config_files: ConfigFiles, more: str, field: str) -> None:
    assert config_files.load_error(webhook_yaml(more=more)).field == field


def test_an_unknown_key_of_a_webhook_names_the_nearest_known_one(config_files: ConfigFiles) -> None:
    assert config_files.load_error(webhook_yaml(more="        secret: x\n")).candidates[0] == "secrets"


def test_two_webhooks_of_one_name_are_refused(config_files: ConfigFiles) -> None:
    twice = webhook_yaml() + f"      - {{name: one, url: '{URL}', secrets: ['{KEY}']}}\n"
    error = config_files.load_error(twice)
    assert (error.field, "two webhooks with the name one" in error.message) == ("events.webhooks", True)


def test_a_name_is_one_that_can_be_typed(config_files: ConfigFiles) -> None:
    assert config_files.load_error(webhook_yaml(name="'a/b'")).field == "events.webhooks.0.name"
