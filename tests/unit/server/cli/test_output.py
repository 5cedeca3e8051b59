from __future__ import annotations

import getpass
import io
import json
import os
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import typer
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner

from domain.errors import (
    ArchiveFailedError,
    CancelledError,
    DatasetProtectedError,
    LifecycleError,
    PlatformThrottledError,
    SettingsError,
    UnknownClientError,
)
from domain.lifecycle.datasets import DatasetDetails
from domain.model.dataset import Dataset, OrphanMark, Recheck, Teardown
from domain.model.enums import DatasetStatus, TeardownReason
from domain.model.journey import UnreadableRow
from domain.model.run import Failure, PendingCompensation, Progress, Run
from server.cli import command as invocation
from server.cli.command import Invocation, account_name, command
from server.cli.exit_codes import ExitCode, exit_code_for
from server.cli.output import Output, format_duration, format_value, render_table, render_value
from server.cli.views.dataset import render_dataset
from server.cli.views.dataset_json import serialize_dataset
from server.cli.views.errors import render_error
from server.cli.views.progress_bars import show_progress
from tests.support.content.hostile_text import HOSTILE, unprintable_fields, unprintable_output
from tests.support.entities import NOW, connector, dataset, journey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

HOUR = timedelta(hours=1)
FAILURE = Failure(
    step="push",
    code="platform_unavailable",
    message="Glean did not answer.",
    recovery="wait",
    suggested_action="Wait.",
    at=NOW,
    attempt=2,
    to_undo=("connect",),
)


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of one command has no name for it, and here it needs no scope; it is on record all the same."""
    monkeypatch.setenv("DATASET_LIFECYCLE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(invocation, "UNSCOPED", frozenset({""}))


def _app(body: Callable[[Invocation], Awaitable[ExitCode | None]]) -> typer.Typer:
    app = typer.Typer()
    command(app, "work")(body)
    return app


def _render(shown: DatasetDetails) -> str:
    console = Console(file=io.StringIO(), width=200)
    for each in render_dataset(shown, NOW):
        console.print(each)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _details(held: Dataset, **facts: object) -> DatasetDetails:
    usual = {
        "journey": journey(),
        "platform": None,
        "connector": None,
        "archive": None,
        "progress": None,
        "undos": (),
        "events": (),
    }
    return DatasetDetails(dataset=held, **{**usual, **facts})  # type: ignore[arg-type] # each fact by its own name


def test_a_failed_dataset_tells_what_is_still_to_be_undone() -> None:
    undo = PendingCompensation(
        dataset_id="d", attempt=2, what="connect", cause="Glean did not answer.", since=NOW, tries=3
    )
    shown = _details(dataset(status=DatasetStatus.FAILED, failure=FAILURE, attempt=2), undos=(undo,))
    told, document = _render(shown), serialize_dataset(shown)

    for words in ("It failed at the step push", "(platform_unavailable)", "Still to be undone", "Wait."):
        assert words in told
    assert document["failure"]["to_undo"] == ["connect"]
    assert document["to_undo"] == [
        {"what": "connect", "cause": "Glean did not answer.", "since": "2026-03-01T12:00:00Z", "tries": 3}
    ]


def test_a_running_dataset_tells_how_far_it_is() -> None:
    run = Run(saga_id="provision:d:1", started_at=NOW, cancel_requested=True)
    progress = Progress(step="push", done=3, total=7, message="push …")
    held = dataset(status=DatasetStatus.PROVISIONING, run=run)

    assert "push … (asked to stop)" in _render(_details(held, progress=progress))
    assert "about to begin" in _render(_details(replace(held, run=replace(run, cancel_requested=False))))
    document = serialize_dataset(_details(held, progress=progress))
    assert document["running"] == {"since": "2026-03-01T12:00:00Z", "cancel_requested": True}
    assert document["progress"] == {"step": "push", "done": 3, "total": 7, "message": "push …"}


def test_protection_orphan_mark_and_recheck_are_told() -> None:
    held = dataset(
        protected_until=NOW + HOUR,
        orphan=OrphanMark(orphaned_at=NOW - HOUR, reason="journey_expired", served=7200),
        recheck=Recheck(requested_at=NOW, deadline=NOW + HOUR),
    )
    told, document = _render(_details(held, journey=journey())), serialize_dataset(_details(held))

    assert "by its journey, until 2026-03-01 13:00 UTC" in told
    assert "(journey_expired), 2 hours of grace served" in told
    assert "pending, until 2026-03-01 13:00 UTC" in told
    assert document["orphan"] == {
        "orphaned_at": "2026-03-01T11:00:00Z",
        "reason": "journey_expired",
        "served_s": 7200,
    }
    assert document["recheck"]["deadline"] == "2026-03-01T13:00:00Z"


@pytest.mark.parametrize(
    ("held", "told", "document"),
    [
        (None, "not on record", None),
        (
            UnreadableRow(what="j1", why="its state is 'gone'"),
            "cannot be read: its state",
            "its state is 'gone'",
        ),
    ],
)
def test_a_journey_that_nobody_knows_protects_nothing_that_can_be_told(
    held: object, told: str, document: str | None
) -> None:
    shown = _details(dataset(), journey=held)

    assert told in _render(shown)
    assert "protection  none" in _render(shown)
    assert serialize_dataset(shown).get("journey") == (document and {"unreadable": document})


def test_a_teardown_that_stopped_tells_where() -> None:
    stopped = Teardown(
        reason=TeardownReason.MANUAL,
        requester="person:ann",
        former_status=DatasetStatus.READY,
        started_at=NOW,
        failure=FAILURE,
    )
    shown = _details(dataset(status=DatasetStatus.TEARDOWN, teardown=stopped), connector=connector())

    assert "It stopped at the step push" in _render(shown)
    assert "http://glean.test" in _render(shown)
    assert serialize_dataset(shown)["teardown"]["failure"]["step"] == "push"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnknownClientError("x"), 3),
        (DatasetProtectedError("x"), 3),
        (SettingsError("x"), 2),
        (CancelledError("x"), 1),
        (ArchiveFailedError("x"), 1),
        (PlatformThrottledError("x"), 1),
    ],
)
def test_each_kind_of_error_has_its_code(error: LifecycleError, code: int) -> None:
    assert exit_code_for(error) == code


def test_when_to_try_again_is_told() -> None:
    told = render_error(PlatformThrottledError("Slow down.", retry_after_s=2.5)).plain

    assert told.startswith("Failed: platform_unavailable\n  Slow down.\n")
    assert "Try again in: 2.5 seconds" in told


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (True, "yes"),
        (False, "no"),
        (NOW, "2026-03-01 12:00 UTC"),
        ("a\x1b[31mb\u202e\nc", "a�[31mb��c"),
    ],
)
def test_nothing_that_is_shown_can_move_the_cursor(value: object, shown: str) -> None:
    assert format_value(value) == shown


@pytest.mark.parametrize("as_json", [False, True])
def test_what_no_view_made_printable_is_printable_on_both_streams(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    output = Output(as_json=as_json)
    table = render_table(("a",), [(Text(HOSTILE),)], empty="")
    output.print_answer({HOSTILE: [HOSTILE]}, HOSTILE, Text(HOSTILE), table)
    output.print_note(HOSTILE)
    shown = capsys.readouterr()
    assert "Ignore" in shown.out
    assert unprintable_output(shown.out + shown.err) == set()
    if as_json:
        assert unprintable_fields(json.loads(shown.out)) == {}


def test_a_status_has_its_colour() -> None:
    assert [str(render_value(each).style) for each in ("ready", "failed", "syncing", "x")] == [
        "green",
        "red",
        "yellow",
        "",
    ]


def test_an_empty_table_says_so() -> None:
    assert str(render_table(("a",), [], empty="Nothing.")) == "Nothing."


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours"), (200_000, "2 days")],
)
def test_a_span_is_told_in_its_greatest_unit(seconds: float, told: str) -> None:
    assert format_duration(seconds) == told


@pytest.mark.parametrize("terminal", [True, False])
async def test_progress_is_a_bar_on_a_terminal_and_a_line_a_step_elsewhere(*, terminal: bool) -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=terminal)
    with show_progress(console) as bar:
        listener = bar("ACME-Sandbox-Jira")
        for done in (1, 2):
            await listener(Progress(step="push", done=done, total=2, message="push …"))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()

    assert "ACME-Sandbox-Jira" in shown
    assert ("2/2" in shown) is terminal
    assert terminal or shown == "ACME-Sandbox-Jira: push …\n"


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_bug_is_told_in_words_and_its_traceback_logged_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, *, wrapped: bool
) -> None:
    async def work(run: Invocation) -> ExitCode | None:
        bug = ZeroDivisionError("the secret")
        raise ExceptionGroup("tasks", [bug]) if wrapped else bug

    quiet = CliRunner().invoke(_app(work), ["--json"])
    monkeypatch.setenv("DATASET_LIFECYCLE_LOG", "debug")
    loud = CliRunner().invoke(_app(work), [])

    assert (quiet.exit_code, quiet.stderr) == (1, "")
    assert '"code": "internal"' in quiet.stdout
    assert (loud.exit_code, loud.stdout) == (1, "")
    assert (
        "Failed: internal\n  This program failed because of a bug of its own (ZeroDivisionError)."
        in loud.stderr
    )
    assert "Traceback" in loud.stderr


def test_an_interrupted_command_ends_with_130() -> None:
    async def work(run: Invocation) -> ExitCode | None:
        run.announce_resumable_work("d1")
        raise KeyboardInterrupt

    done = CliRunner().invoke(_app(work), ["--json"])

    assert (done.exit_code, done.stdout) == (130, "")
    assert "The work on d1 is not lost" in done.stderr


def test_a_reader_that_went_away_ends_the_command_quietly() -> None:
    async def work(run: Invocation) -> ExitCode | None:
        raise BrokenPipeError

    done = CliRunner().invoke(_app(work), [])

    assert (done.exit_code, done.output) == (1, "")


def test_an_account_without_a_name_is_called_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise OSError

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert account_name() == str(os.getuid())
