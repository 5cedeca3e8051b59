from __future__ import annotations

import inspect
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import SecretStr

from domain.events.cloudevents import build_message
from domain.model.delivery import DeliveryResult
from domain.model.enums import DatasetType
from domain.model.event import EventKind
from server.adapters.clock import SystemClock
from server.adapters.glean.admin.documents import AdminDocument
from server.adapters.store.sqlite.store import SqliteStore
from server.adapters.templates import RepositoryTemplates
from server.adapters.webhooks import HttpCourier
from server.cli.commands.operation.serve import serve
from server.settings import load_settings
from tests.support.content.docs_pages import CHECKOUT, load_page, load_pages
from tests.support.webhooks.events import append_events
from tests.support.webhooks.receiver import NEXT_SECRET, SECRET, WebhookReceiver

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOME = "/path/to/dataset-lifecycle"


def _stdio() -> dict[str, Any]:
    """The stdio server of mcp.json, for a checkout that is known: without the search for it."""
    server = json.loads((CHECKOUT / "mcp.json").read_text())["mcpServers"]["datasets"]
    command, run, no_dev, quiet, name, *rest = server["args"][server["args"].index("uv") :]
    found = ["--package", name, "--directory", HOME, name]
    return {**server, "command": command, "args": [run, no_dev, quiet, *found, *rest]}


def test_the_examples_for_assistants_start_what_mcp_json_starts() -> None:
    cursor, code = (json.loads(each.text) for each in load_page("README.md").code_blocks("json"))

    assert cursor == {"mcpServers": {"datasets": _stdio()}}
    assert code == {"servers": {"datasets": _stdio()}}
    claude = next(
        each.text for each in load_page("README.md").code_blocks("sh") if each.text.startswith("claude")
    )
    add, start = claude.split(" -- ")
    assert add == "claude mcp add datasets"
    assert start.split() == [_stdio()["command"], *_stdio()["args"]]


def test_the_address_over_http_is_where_serve_listens() -> None:
    host, port = (inspect.signature(serve).parameters[each].default for each in ("host", "port"))
    (address,) = re.findall(r"`(http://\S+/mcp)`", load_page("README.md").text)
    assert address == f"http://{host}:{port}/mcp"


def test_every_piece_of_json_is_json() -> None:
    for each in load_pages():
        for fence in each.code_blocks("json"):
            json.loads(fence.text)
        for fence in each.code_blocks("jsonl"):
            assert [json.loads(line) for line in fence.text.splitlines()]


def test_the_example_configuration_loads(tmp_path: Path) -> None:
    (example,) = load_page("docs/configuration.md").code_blocks("yaml")
    path = tmp_path / "sdlc_config.yaml"
    path.write_text(example.text)

    settings = load_settings(
        {"GLEAN_API_KEY": "k", "ACME_CONFLUENCE_TOKEN": "t"}, cwd=tmp_path, data_dir=tmp_path
    )

    assert settings.config_file == path
    assert settings.mock_data_repo.path == tmp_path / "demo-data"
    assert settings.archival.retention_days == 180
    clients = settings.connectors.type_settings(DatasetType.CONFLUENCE_PAGES).clients
    assert clients["acme"].config == {"baseUrl": "https://acme.atlassian.net/wiki"}


async def test_the_example_templates_are_fit_for_use(tmp_path: Path) -> None:
    guide = load_page("docs/mock-data.md")
    (lines,), (table,) = guide.code_blocks("jsonl"), guide.code_blocks("csv")
    version_1, version_2, beside, questions = guide.code_blocks("json")
    folder = tmp_path / "mock_data" / "templates" / "fintech" / "payments"
    folder.mkdir(parents=True)
    (folder / "messages.jsonl").write_text(lines.text)
    (folder / "slack_messages.json").write_text(beside.text)
    (folder / "github_repos.csv").write_text(table.text)
    (folder / "confluence_pages.json").write_text(version_1.text)
    (folder / "jira_issues.json").write_text(version_2.text)
    (folder / "questions.json").write_text(questions.text)

    found = await RepositoryTemplates(tmp_path).validate(NOW)
    reports = [each for each in found if each.use == "template"]

    assert {each.use for each in found} == {"template", "records", "questions"}
    assert [
        (each.dataset_type, each.format, each.records, each.questions, each.score) for each in reports
    ] == [
        ("confluence_pages", "json-v1", 1, 2, 100.0),
        ("github_repos", "csv", 1, 2, 100.0),
        ("jira_issues", "v2", 1, 2, 100.0),
        ("slack_messages", "v2", 2, 1, 100.0),
    ]
    assert [(each.passes, each.problems, each.warnings) for each in reports] == [(True, (), ())] * 4


def test_the_example_document_is_one() -> None:
    document = load_page("docs/glean-admin-api.md").code_blocks("json")[0]

    assert msgspec.json.decode(document.text, type=AdminDocument).object_type == "CONFLUENCE_PAGE"


def test_the_examples_of_the_sandbox_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for each in load_page("docs/sandbox.md").code_blocks("python"):
        exec(compile(each.text, "docs/sandbox.md", "exec"), {})  # noqa: S102 - our own page

    assert capsys.readouterr().out.startswith("http://127.0.0.1:")
    assert (tmp_path / "glean.sqlite").exists()


def test_the_example_webhooks_load(tmp_path: Path) -> None:
    (example,) = load_page("docs/events.md").code_blocks("yaml")
    path = tmp_path / "sdlc_config.yaml"
    path.write_text(example.text)

    settings = load_settings(
        {"JOURNEYS_WEBHOOK_SECRET": SECRET, "ON_CALL_WEBHOOK_SECRET": SECRET}, path, tmp_path
    )

    journeys, on_call = settings.events.webhooks
    assert (journeys.name, journeys.kinds, on_call.clients) == ("journeys", None, ("acme",))


def test_the_example_schedules_load(tmp_path: Path) -> None:
    (example,) = load_page("docs/schedules.md").code_blocks("yaml")
    path = tmp_path / "sdlc_config.yaml"
    path.write_text(example.text)

    _, scan, sweep, *_ = load_settings({}, path, tmp_path).schedules.plans

    assert (scan.description, sweep.description) == ("daily at 01:15 UTC", "off")


async def test_the_example_receiver_accepts_what_is_signed_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = load_page("docs/events.md").code_blocks("python")
    assert len([line for line in example.text.splitlines() if line]) <= 10
    known: dict[str, Any] = {"SECRET": SECRET}
    exec(compile(example.text, "docs/events.md", "exec"), known)  # noqa: S102 - our own page
    async with (
        SqliteStore(tmp_path / "store.db") as store,
        WebhookReceiver(known["datasets"], checks=False).listen() as hook,
    ):
        await append_events(store, "d1", kind=EventKind.TORN_DOWN)
        [(seq, event)] = await store.read(lambda uow: uow.events.find())
        told = build_message(await store.read(lambda uow: uow.installation), seq, event)

        async def deliver(*secrets: str) -> DeliveryResult:
            keys = [SecretStr(each) for each in secrets]
            async with HttpCourier(hook.url, keys, clock=SystemClock(), timeout_s=20) as courier:
                return await courier.send(told)

        assert await deliver(SECRET) == DeliveryResult()
        assert await deliver(NEXT_SECRET) == DeliveryResult(error="answered 401")
        assert await deliver(NEXT_SECRET, SECRET) == DeliveryResult()
    assert capsys.readouterr().out == "dataset:torn_down d1 ready\n" * 2
