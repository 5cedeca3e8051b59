"""What the pages show as output is what the commands print, but for ids, instants and sizes."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.model.enums import DatasetType
from server.adapters.clock import SystemClock
from tests.support.content.docs_pages import load_page
from tests.support.sandbox.faults import Fault
from tests.support.servers.command_line import CommandLine, invoke_command
from tests.support.webhooks.receiver import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

ID = re.compile(r"(acme-(?:sandbox|pilot)-[a-z]+)-([0-9a-z]{6})\b")
USUAL_FOLDER = "~/.local/share/dataset-lifecycle"
CLIENT = ("--client-id", "acme", "--stage", "sandbox")


def _normalize_output(text: str, folder: Path) -> str:
    """A text without what differs from one run to the next."""
    # The pages are of the usual folder, which no command that is shown has to name.
    text = text.replace(f" --data-dir {folder}", "").replace(str(folder), USUAL_FOLDER)
    text = re.sub(
        r"^[\w-]+: [a-z ]+…\n", "", text, flags=re.MULTILINE
    )  # progress, where there is no terminal
    for pattern, instead in (
        (ID, r"\1-ID"),
        (re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d UTC|T\d\d:\d\d:\d\dZ)"), "INSTANT"),
        (re.compile(r"\b(agent|person):[\w.-]+"), "SOMEBODY"),
        (re.compile(r"\d+ seconds? ago"), "AGO"),
        (re.compile(r"\d+(\.\d)? (kB|bytes)"), "SIZE"),
        (re.compile(r"\bau-[0-9a-z]{12}\b"), "CALL"),
        (re.compile(r"\b\d+:[0-9a-f]{64}\b"), "HEAD"),
        # Which stories are the latest, and what is asked about them, depends on the day.
        (re.compile(r"\b(\d+) of \1 questions"), "ALL questions"),
        (re.compile(r"\b\d+ of \d+ questions answered \([\d.]+ %\)"), "SOME questions answered"),
        (re.compile(r"size bytes: \d+"), "size bytes: SIZE"),
        (re.compile(r"\b(position|All) \d+"), r"\1 N"),
        (re.compile(r"^\d+(?=   | entries)", re.MULTILINE), "N"),
        (re.compile("─+"), "─"),
    ):
        text = pattern.sub(instead, text)
    return text


def _client(commands: CommandLine) -> None:
    commands.prepare(_make_client)


def _make_client(commands: CommandLine) -> None:
    names = ("--name", "Acme", "--industry", "fintech", "--use-case", "developer_productivity")
    commands.run_ok("clients", "add", "acme", *names)
    commands.run_ok("journeys", "add", "q3-demo", *CLIENT)


def _a_dataset(commands: CommandLine) -> str:
    return commands.prepare(_make_dataset)


def _make_dataset(commands: CommandLine) -> str:
    _client(commands)
    made = commands.run_json("provision", *CLIENT, "--journey-id", "q3-demo", "--dataset-type", "jira_issues")
    return str(made["dataset_id"])


class ThreeDaysAgo(SystemClock):
    """The clock of a command that was given three days ago."""

    def now(self) -> datetime:
        return super().now() - timedelta(days=3)


def _an_old_dataset(commands: CommandLine) -> None:
    _client(commands)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("server.composition.process.SystemClock", ThreeDaysAgo)
        generated = ("--dataset-type", "jira_issues", "--data-source", "generated", "--record-count", "400")
        commands.run_ok("provision", *CLIENT, "--journey-id", "q3-demo", *generated)


def _nothing(commands: CommandLine) -> None:
    assert not commands.folder.exists()


def _lost_documents(commands: CommandLine) -> None:
    _client(commands)
    commands.run_ok("health")
    with commands.open_sandbox() as sandbox:
        sandbox.faults.add(Fault(kind="sync_loses", documents=20))


def _an_archive(commands: CommandLine) -> None:
    _client(commands)
    made = commands.run_json(
        "provision", *CLIENT, "--journey-id", "q3-demo", "--dataset-type", "confluence_pages"
    )
    commands.run_ok("journeys", "set-state", "q3-demo", "completed")
    commands.run_ok("teardown", "--dataset-id", made["dataset_id"], "--reason", "journey_completed")
    commands.run_ok("journeys", "add", "q4-demo", *CLIENT)


def _an_orphan(commands: CommandLine) -> None:
    Path("sdlc_config.yaml").write_text("dataops:\n  orphans:\n    grace_days: 0\n")
    _a_dataset(commands)
    commands.run_ok("journeys", "set-state", "q3-demo", "completed")
    commands.run_ok("orphans", "--scan")


def _a_life(commands: CommandLine) -> None:
    gone = ("teardown", "--dataset-id", _a_dataset(commands), "--reason")
    assert commands.run(*gone, "stage_completed").exit_code == 3
    commands.run_ok("journeys", "set-state", "q3-demo", "completed")
    commands.run_ok(*gone, "journey_completed")


def _a_dead_webhook(commands: CommandLine) -> None:
    hook = {"name": "journeys", "url": "http://127.0.0.1:9/hooks", "secrets": [SECRET]}
    Path("sdlc_config.yaml").write_text(json.dumps({"dataops": {"events": {"webhooks": [hook]}}}))
    _client(commands)


def _the_indexing_dialect(commands: CommandLine) -> None:
    _nothing(commands)
    Path("sdlc_config.yaml").write_text("dataops:\n  glean:\n    dialect: indexing\n")


def _a_wrong_key(commands: CommandLine) -> None:
    Path("sdlc_config.yaml").write_text("dataops:\n  archival:\n    retention_day: 30\n")


def _an_issue_export(commands: CommandLine) -> None:
    _nothing(commands)
    (shown,) = load_page("docs/from-exports.md").code_blocks("csv")
    Path("issues.csv").write_text(shown.text)


def _an_export(commands: CommandLine) -> None:
    shown = load_page("docs/sanitized-data.md").code_blocks("jsonl")
    Path("export").mkdir()
    for dataset_type, records in zip(DatasetType, shown, strict=True):
        Path("export", f"{dataset_type}.jsonl").write_text(records.text)
    Path("pseudonyms.key").write_text("of the page " * 3)
    sanitization = {"export_path": str(Path.cwd() / "export"), "key": "of the page " * 3}
    Path("sdlc_config.yaml").write_text(json.dumps({"dataops": {"sanitization": sanitization}}))
    _client(commands)
    commands.run_ok("journeys", "add", "pilot-q3", "--client-id", "acme", "--stage", "pilot")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("README.md", _nothing),
        ("docs/from-exports.md", _an_issue_export),
        ("docs/sanitized-data.md", _an_export),
        ("docs/provisioning.md", _lost_documents),
        ("docs/living-datasets.md", _an_old_dataset),
        ("docs/orphans.md", _an_orphan),
        ("docs/keeping.md", _a_dataset),
        ("docs/restore.md", _an_archive),
        ("docs/audit.md", _a_life),
        ("docs/configuration.md", _a_wrong_key),
        ("docs/events.md", _a_dead_webhook),
        ("docs/backup.md", _a_dataset),
        ("docs/schedules.md", _client),
        ("docs/connecting-glean.md", _the_indexing_dialect),
    ],
)
@pytest.mark.usefixtures("scripted_sandbox")
def test_the_commands_print_what_the_page_shows(
    name: str, given: Callable[[CommandLine], object], command_line: CommandLine
) -> None:
    given(command_line)
    minted: dict[str, str] = {}
    checker, wanted, found = OutputChecker(), [], []
    own = re.compile(rf"{re.escape(str(Path.cwd()))}/(?=sdlc_config|demo-data)")

    for arguments, output in load_page(name).shown_commands:
        words = [minted.get(each, each) for each in arguments]
        # Whoever tries the page is in the folder of these, and reads their names as they were given.
        told = own.sub("", command_line.run(*words).output)
        real = {each[1]: each[0] for each in ID.finditer(told)}
        minted |= {each[0]: real[each[1]] for each in ID.finditer(output) if each[1] in real}
        wanted.append(_normalize_output(output, command_line.folder))
        found.append(_normalize_output(told, command_line.folder))

    assert [
        (want, got)
        for want, got in zip(wanted, found, strict=True)
        if not checker.check_output(want, got, ELLIPSIS | NORMALIZE_WHITESPACE)
    ] == []


_OF_THE_DAY = (
    (re.compile(r"\d+\.\d s(econds)?\b"), "TIME"),
    (re.compile(r"\b(\d+) of \1 golden"), "ALL golden"),
    (re.compile(r"best match for [A-Z]+-\d+"), "best match for KEY"),
    (re.compile(r"^( +ACME-Sandbox-\w+ +)(?!ready|healthy|archived)\w.*$", re.MULTILINE), r"\1HIT"),
    (re.compile("─+"), "─"),
)
"""What the demo prints otherwise on another day: how long it took, and which stories are the latest."""


def test_the_demo_prints_what_the_readme_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    (shown,) = load_page("README.md").code_blocks("text")

    def lines(text: str) -> list[str]:
        for pattern, instead in _OF_THE_DAY:
            text = pattern.sub(instead, text)
        return [each.rstrip() for each in text.splitlines() if each.strip()]

    printed = iter(lines(invoke_command("demo").output))

    assert [line for line in lines(shown.text) if line not in printed] == []
