"""No secret leaves the settings: a canary is planted for each, and everything that failing paths write is searched."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import quote

import anyio.from_thread
import httpx
import pytest
from pydantic import BaseModel

from server.adapters.glean.transport import client
from server.composition import diagnostics, process
from server.settings import load_settings
from server.settings.model import Dataops
from tests.support.plain_logging import log_plainly
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.faults import Fault
from tests.support.servers.canaries import (
    ECHOES,
    canary,
    echoing_http_server,
    echoing_postgres,
    leaked_settings,
    plant_canaries,
)
from tests.support.servers.command_line import CHECKOUT, PATIENCE_S, CommandLine, PreparedFolders
from tests.support.servers.plain_http import NO_AUTHORITIES
from tests.support.servers.token_issuer import AUDIENCE, ISSUER, TokenIssuer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic.fields import FieldInfo

    from server.settings import Settings

CLOSED: Final = "http://127.0.0.1:1"
PASSWORD: Final = "p@ss/w%rd-canary 5up3r?&=+"
WEBHOOK: Final = "T0CANARYHOOKPATH4242"
BEARER: Final = "eyJhbGciOiJSUzI1NiIsImtpZCI6Im9uZSJ9.Y2FuYXJ5LWJlYXJlci00Mg.c2lnbmF0dXJlLW9mLWEtY2FuYXJ5"
_SECRET_NAME: Final = re.compile(r"secret|token|password|credential|api_key|(?<!public_)key(s|_file)?$")
_NO_SECRETS: Final = {
    "identity.keys": "the public keys of the issuer; a private one is refused without being shown"
}


@dataclass
class Installation:
    """A data folder, its configuration with a canary for each secret, and commands on it."""

    root: Path
    dataops: dict[str, Any]
    canaries: dict[str, str]

    @property
    def config(self) -> Path:
        """The configuration, as it stands now."""
        path = self.root / "config.yaml"
        path.write_text(json.dumps({"dataops": self.dataops}))
        return path

    @property
    def commands(self) -> CommandLine:
        """The command line on the data folder."""
        return CommandLine(self.root / "data", PreparedFolders(self.root / "prepared"))

    def run(self, *args: str) -> str:
        """Everything that a command writes into a pipe, as text and as JSON."""
        config = ("--config", str(self.config))
        return "".join(self.commands.run(*args, *config, *form).output for form in ((), ("--json",)))

    def run_on_terminal(self, *args: str, after: str) -> str:
        """Everything that a command writes to a terminal."""
        config = ("--config", str(self.config))
        _, told, shown = self.commands.run_on_terminal(*args, *config, typed="", after=after)
        return told + shown

    def leaks(self, output: bytes | str) -> set[str]:
        """The settings of which a canary is in an output."""
        return leaked_settings(output, self.canaries)


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """An installation at a Glean that does not answer, with everything logged; logging is put back."""
    for name in os.environ:
        if name.startswith(("GLEAN_", "DATASET_LIFECYCLE_", "DATABASE_URL", "MOCK_DATA", "ARCHIVAL")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATASET_LIFECYCLE_LOG", "debug")
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("_FIRST_WAIT_S", "LONGEST_WAIT_S"):
        monkeypatch.setattr(client, name, 0.001)
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    dataops, canaries = plant_canaries(Dataops)
    dataops["glean"] |= {"base_url": CLOSED, "timeout_s": 1}
    dataops["events"]["webhooks"][0]["url"] = f"{CLOSED}/{WEBHOOK}"
    dataops["events"]["timeout_s"] = 1
    yield Installation(
        tmp_path, dataops, {**canaries, "database": PASSWORD, "webhook": WEBHOOK, "bearer": BEARER}
    )
    root.handlers[:], root.level = handlers, level
    log_plainly()


def walk_fields(section: type[BaseModel], path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting with its path, those of sections within sections included."""
    for name, field in section.model_fields.items():
        where = f"{path}.{name}".strip(".")
        yield where, field
        for part in re.findall(r"\w+(?:\.\w+)*", repr(field.annotation)):
            below = _SECTIONS.get(part.rpartition(".")[2])
            if below is not None and below is not section:
                yield from walk_fields(below, where)


def _sections(section: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield section
    for each in section.__subclasses__():
        yield from _sections(each)


_SECTIONS: Final = {
    each.__name__: each for each in _sections(BaseModel) if each.__module__.startswith("server.settings")
}


def test_every_setting_that_sounds_like_a_secret_is_of_the_type_for_secrets() -> None:
    plain = {
        where
        for where, field in walk_fields(Dataops)
        if _SECRET_NAME.search(where.rpartition(".")[2]) and "SecretStr" not in repr(field)
    }
    assert plain == set(_NO_SECRETS)


def test_the_settings_know_every_secret_and_show_none(installation: Installation) -> None:
    settings = load_settings({}, installation.config, installation.root / "data")
    planted = set(plant_canaries(Dataops)[1].values())

    assert len(planted) > 15
    assert settings.secrets() == planted
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(vars(settings))):
        assert {each for each in installation.leaks(shown) if each != "webhook"} == set()


def test_a_canary_is_found_in_any_spelling(installation: Installation) -> None:
    """What the other tests do not find must not be there."""
    key = canary("glean.api_key")
    for spelled in (key, key[:30], quote(PASSWORD), repr(PASSWORD), key.encode().hex()):
        assert installation.leaks(f"x {spelled} y")
    for before in ("", "u:", "us:"):
        assert installation.leaks(base64.b64encode(f"{before}{key}".encode())) == {"glean.api_key"}
        assert installation.leaks(base64.urlsafe_b64encode(f"{before}{PASSWORD}".encode())) == {"database"}
    assert installation.leaks("canary") == set()


@pytest.mark.parametrize("dialect", ["admin", "indexing"])
@pytest.mark.parametrize("reply", ECHOES)
def test_a_glean_that_repeats_the_request_tells_nobody(
    installation: Installation, reply: str, dialect: str
) -> None:
    with echoing_http_server(ECHOES[reply]) as address:
        installation.dataops["glean"] |= {"base_url": address, "dialect": dialect}
        installation.run("clients", "add", "ACME", "--name", "A", "--industry", "fintech", "--use-case", "u")
        output = installation.run("doctor") + installation.run("health")

    assert "glean" in output
    assert installation.leaks(output) == set()
    assert_nothing_is_kept(installation)


@pytest.mark.parametrize(
    "command", [("doctor",), ("clients", "list"), ("serve", "--transport", "http", "--port", "0")]
)
def test_a_database_that_repeats_its_password_tells_nobody(
    installation: Installation, command: tuple[str, ...]
) -> None:
    with echoing_postgres() as port:
        for address in (f"127.0.0.1:{port}", "127.0.0.1:1", "no such host"):
            url = f"postgresql://kim:{quote(PASSWORD, safe='')}@{address}/sets"
            if command[0] == "serve" and address == "127.0.0.1:1":
                continue  # a server waits for its database
            installation.dataops["store"] = {"url": url}
            output = installation.run(*command)
            assert output
            assert installation.leaks(output) == set()


_BROKEN: Final = {
    "an unknown key": "glean: {{api_kei: {0}, api_key: {0}}}",
    "a section": "glean: {0}",
    "a list": "glean: {{api_key: [{0}]}}",
    "a mapping": "glean: {{api_key: {{{0}: {0}}}}}",
    "an alias": "glean: {{api_key: *{0}}}",
    "a tag": "glean: {{api_key: !{0} x}}",
    "another tag": "glean: {{api_key: !!python/object:{0} x}}",
    "a handle": "glean: {{api_key: !{0}! x}}",
    "an anchor": "glean: {{api_key: &{0} }}\nevents: &{0} [",
    "a quote": "glean: {{api_key: '{0}",
    "an escape": 'glean: {{api_key: "{0}\\q"}}',
    "a space": "glean: {{api_key: '{0} x'}}",
    "a variable": "glean: {{api_key: '${{{0}'}}",
    "a default": "glean: {{api_key: '${{NO-{0}}}'}}",
    "two colons": "glean: api_key: {0}",
    "an address": "glean: {{api_key: k, base_url: 'https://u:{0}@glean.example.com'}}",
    "a query": "glean: {{api_key: k, base_url: 'https://glean.example.com?{0}'}}",
    "a store": "store: {{url: 'postgres://u:{0}@/x@y/z'}}",
    "a file": "store: {{url: 'mysql://u:{0}@h/z'}}",
    "a webhook": "events: {{webhooks: [{{name: h, url: 'ftp://{0}', secrets: [{0}x]}}]}}",
    "short keys": "http: {{state_keys: ['{0}', '{0}']}}",
    "a private key": "identity: {{issuer: 'https://i.example', keys: {{k: 'PRIVATE {0}'}}}}",
    "keys": "identity: {{issuer: 'https://i.example', jwks_url: 'https://u:{0}@i.example'}}",
    "a number": "glean: {{timeout_s: {0}}}",
    "a choice": "glean: {{dialect: {0}}}",
    "a credential": "connectors: {{jira_issues: {{credential: {{a: {0}}}}}}}",
}


@pytest.mark.parametrize("flaw", _BROKEN)
@pytest.mark.parametrize("command", [("doctor",), ("clients", "list")], ids=" ".join)
def test_a_configuration_that_is_wrong_is_refused_without_its_secrets(
    installation: Installation, flaw: str, command: tuple[str, ...]
) -> None:
    key = canary("glean.api_key")
    text = _BROKEN[flaw].format(key)
    lines = "\n".join(f"  {each}" for each in text.splitlines())
    file = installation.root / "broken.yaml"
    file.write_text(f"dataops:\n{lines}\n")
    output = "".join(
        installation.commands.run(*command, "--config", str(file), *form).output for form in ((), ("--json",))
    )
    assert installation.leaks(output) == set()
    assert "config" in output


@pytest.mark.parametrize("terminal", [False, True], ids=["piped", "terminal"])
@pytest.mark.parametrize("grouped", [False, True])
def test_a_bug_shows_no_values(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, *, terminal: bool, grouped: bool
) -> None:
    def fail(settings: Settings, *_: object, **__: object) -> NoReturn:
        values = list(settings.secrets())
        headers = {"Authorization": f"Bearer {values[0]}"}
        bug = ZeroDivisionError(f"{len(headers)} of them")
        raise ExceptionGroup("tasks", [bug]) if grouped else bug

    monkeypatch.setattr(process, "open_services", fail)
    monkeypatch.setattr(diagnostics, "run_doctor", fail)
    for command in (("clients", "list"), ("health",)):
        shown = installation.run_on_terminal(*command, after="Audit entry") if terminal else ""
        output = shown or installation.run(*command)
        assert "Traceback" in output
        assert "ZeroDivisionError" in output
        assert installation.leaks(output) == set()


@pytest.mark.parametrize("command", [("doctor",), ("health",)], ids=" ".join)
def test_a_terminal_shows_no_more_than_a_pipe(installation: Installation, command: tuple[str, ...]) -> None:
    with echoing_http_server(ECHOES["garbage"]) as address:
        installation.dataops["glean"]["base_url"] = address
        output = installation.run_on_terminal(*command, after="" if command == ("doctor",) else "Failed")
    assert output
    assert installation.leaks(output) == set()


def test_webhooks_that_fail_are_told_without_address_and_keys(installation: Installation) -> None:
    for reply in ("garbage", "an error", "a redirect"):
        with echoing_http_server(ECHOES[reply]) as address:
            for url in (f"{address}/{WEBHOOK}", f"{CLOSED}/{WEBHOOK}"):
                installation.dataops["events"]["webhooks"][0]["url"] = url
                output = installation.run("doctor") + installation.run("events", "list")
                assert "hook" in output
                assert installation.leaks(output) == set()


@pytest.mark.parametrize("fault", ["none", "status", "garbage", "drop_after", "html"])
def test_the_credential_of_a_connector_reaches_glean_alone(installation: Installation, fault: str) -> None:
    glean = EmbeddedSandbox(installation.root / "glean.sqlite", token=installation.canaries["glean.api_key"])
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(glean),
    ):
        glean.sandbox.set_indexing_rate(1_000_000, minimum_seconds=0)
        if fault != "none":
            kind: Any = fault
            glean.sandbox.faults.add(Fault(kind=kind, operation="auth.set", status=400, times=None))
        installation.dataops["glean"]["base_url"] = glean.base_url
        installation.run("clients", "add", "ACME", "--name", "A", "--industry", "fintech", "--use-case", "u")
        installation.run("journeys", "add", "j1", "--client-id", "ACME", "--stage", "pilot")
        output = installation.run(
            *("provision", "--client-id", "ACME", "--journey-id", "j1", "--stage", "pilot"),
            *("--dataset-type", "jira_issues", "--record-count", "20"),
        )
        output += installation.run("health") + installation.run("datasets", "list")
        stored = json.dumps(glean.sandbox.snapshot())

    planted = installation.canaries["connectors.jira_issues.clients.ACME.stages.pilot.credential"]
    assert (sha256(planted.encode()).hexdigest() in stored) is (fault == "none")
    assert ("provision_failed" in output) is (fault != "none")
    assert installation.leaks(output) == set()
    assert_nothing_is_kept(installation)


def assert_nothing_is_kept(installation: Installation) -> None:
    """No canary is in the audit log, its export or any other file of the data folder."""
    for command in (("audit", "list"), ("audit", "export"), ("audit", "verify")):
        assert installation.leaks(installation.run(*command)) == set()
    for file in (installation.root / "data").rglob("*"):
        if file.is_file():
            assert installation.leaks(file.read_bytes()) == set(), file


def test_a_server_on_stdio_writes_no_secret_to_either_stream(installation: Installation) -> None:
    with echoing_http_server(ECHOES["a refusal"]) as address:
        installation.dataops["glean"]["base_url"] = address
        installation.run("clients", "add", "ACME", "--name", "A", "--industry", "fintech", "--use-case", "u")
        installation.run("journeys", "add", "j1", "--client-id", "ACME", "--stage", "sandbox")
        with start_server(installation, "--toolsets", "leases,recovery") as server:
            assert server.stdin is not None
            assert server.stdout is not None
            answers = ""
            for message in MESSAGES:
                server.stdin.write(json.dumps(message) + "\n")
                server.stdin.flush()
                while "id" in message:
                    answers += (line := server.stdout.readline())
                    if not line or json.loads(line).get("id") == message["id"]:
                        break
            rest, log = server.communicate(timeout=PATIENCE_S)

    assert "platform_denied" in answers
    assert "Authorization" not in answers
    assert installation.leaks(answers + rest + log) == set()
    assert_nothing_is_kept(installation)


def test_a_server_over_http_answers_and_logs_no_secret(installation: Installation) -> None:
    issuer = TokenIssuer()
    issuer.add_key("one", "ES256")
    keys = installation.root / "keys.json"
    keys.write_text(json.dumps({"keys": [], "canary": canary("glean.api_key")}))
    installation.dataops["identity"] = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_file": str(keys)}
    with echoing_http_server(ECHOES["a refusal"]) as address:
        installation.dataops["glean"]["base_url"] = address
        with start_server(installation, "--transport", "http", "--port", "0") as server:
            assert server.stderr is not None
            log = ""
            for line in server.stderr:
                log += line
                if "Listening on" in line:
                    break
            port = re.findall(r"port (\d+)", log)[-1]
            answers = ""
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", verify=NO_AUTHORITIES, trust_env=False
            ) as http:
                for token in (
                    BEARER,
                    f"{BEARER} x",
                    issuer.token("one"),
                    installation.canaries["glean.api_key"],
                ):
                    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                    for method, path in (
                        ("GET", "/approvals"),
                        ("POST", "/approvals/ap-1"),
                        ("POST", "/mcp"),
                        ("GET", "/readyz"),
                    ):
                        answered = http.request(method, path, headers=headers, json=MESSAGES[0])
                        answers += f"{answered.headers}{answered.text}"
            server.terminate()
            rest, more = server.communicate(timeout=PATIENCE_S)

    assert "not ready" in answers
    assert installation.leaks(answers + rest + log + more) == set()
    assert_nothing_is_kept(installation)


@contextmanager
def start_server(installation: Installation, *args: str) -> Iterator[subprocess.Popen[str]]:
    """A server in a process of its own, which is killed when it takes long."""
    folder, config = installation.root / "data", installation.config
    server = subprocess.Popen(
        (sys.executable, "-m", "server", "serve", *args, "--data-dir", folder, "--config", config),
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    patience = threading.Timer(PATIENCE_S, server.kill)
    patience.start()
    try:
        yield server
    finally:
        patience.cancel()
        server.kill()
        server.communicate()


def _call(number: int, tool: str, **arguments: str) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": number,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }


MESSAGES: Final[tuple[dict[str, Any], ...]] = (
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    _call(2, "check_connector_health"),
    _call(3, "list_orphans"),
    _call(
        4, "provision_dataset", client_id="ACME", journey_id="j1", stage="pilot", dataset_type="jira_issues"
    ),
    _call(5, "restore_dataset", dataset_id="none", journey_id="j1"),
    _call(6, "teardown_dataset", dataset_id="none", reason="manual"),
)
