"""Commands as a person or program gives them: in this process, in one of their own, and on a terminal."""

from __future__ import annotations

import codecs
import io
import json
import logging
import os
import pty
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from domain.audit.entry import parse_entry
from server.cli.app import app
from tests.support.sandbox.control import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result

    from domain.audit.entry import AuditEntry

CHECKOUT = Path(__file__).parents[3]
CLIENT = ("clients", "add", "ACME", "--name", "Acme", "--industry", "fintech")
PROVISION = ("provision", "--client-id", "ACME", "--journey-id", "j1", "--stage", "sandbox", "--dataset-type")
PATIENCE_S = 30
T = TypeVar("T")
COMMAND: Final = get_command(app)
"""Built once: typer builds it for each run, which takes longer than most commands."""


def invoke_command(*args: str) -> Result:
    """One command, in this process."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("typer.testing._get_command", lambda _: COMMAND)
            return CliRunner().invoke(app, args)
    finally:
        # The engine keeps a handler on the runner's stderr, which is closed now.
        logging.getLogger("dbos").handlers.clear()


def invoke_on_terminal(*args: str, typed: str, after: str) -> tuple[int, str, str]:
    """One command of a person, who types a line when `after` is shown: exit code, stdout, and what was shown.

    It runs in this process, with a terminal of its own.
    """
    person, terminal = pty.openpty()
    told = io.StringIO()
    with ThreadPoolExecutor(1) as elsewhere, pytest.MonkeyPatch.context() as patch:
        shown = elsewhere.submit(_type_at_terminal, person, typed, after)
        with os.fdopen(os.dup(terminal)) as keyboard, os.fdopen(terminal, "w", buffering=1) as screen:
            for name, stream in (("stdin", keyboard), ("stdout", told), ("stderr", screen)):
                patch.setattr(sys, name, stream)
            patch.setenv("NO_COLOR", "1")
            try:
                with pytest.raises(SystemExit) as ended:
                    COMMAND.main(args, prog_name="dataset-lifecycle")
            finally:
                logging.getLogger("dbos").handlers.clear()
    assert isinstance(ended.value.code, int)
    return ended.value.code, told.getvalue(), shown.result()


@dataclass
class PreparedFolders:
    """Data folders as tests find them: each is made once, by commands, and copied from then on."""

    root: Path
    _made: dict[Callable[[CommandLine], Any], tuple[Path, Any]] = field(default_factory=dict)

    def copy(self, make: Callable[[CommandLine], T], folder: Path) -> T:
        """Put into a new folder what `make` does to one, and return what it answers."""
        if make not in self._made:
            made = self.root / str(len(self._made)) / make.__name__
            shutil.rmtree(made, ignore_errors=True)
            self._made[make] = made, make(CommandLine(made, self))
        made, answer = self._made[make]
        shutil.copytree(made, folder)
        return answer  # type: ignore[no-any-return] # it is what this function answered


@dataclass
class CommandLine:
    """The command line on one data folder."""

    folder: Path
    prepared: PreparedFolders

    def run(self, *args: str) -> Result:
        """One command, in this process, with nobody at a terminal."""
        return invoke_command(*args, "--data-dir", str(self.folder))

    def run_ok(self, *args: str) -> str:
        """What a command says that must succeed."""
        done = self.run(*args)
        assert done.exit_code == 0, done.output
        return done.stdout

    def run_json(self, *args: str, code: int = 0) -> dict[str, Any]:
        """The one document of a command that must end with that code."""
        done = self.run(*args, "--json")
        assert done.exit_code == code, done.output
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def prepare(self, make: Callable[[CommandLine], T]) -> T:
        """What `make` answers, with what it does in a new folder; the folder must not be there yet."""
        return self.prepared.copy(make, self.folder)

    def add_client_and_journey(self) -> CommandLine:
        """With a client, and its journey at sandbox."""
        self.prepare(_make_client_and_journey)
        return self

    def add_dataset(self) -> str:
        """The id of a small dataset that is ready, of a client and its journey at sandbox."""
        return self.prepare(_make_dataset)

    def add_finished_dataset(self) -> str:
        """The same, and its journey needs it no longer."""
        return self.prepare(_make_finished_dataset)

    def provision_dataset(self, dataset_type: str = "slack_messages") -> str:
        """The id of a small dataset that is ready."""
        made = self.run_json(*PROVISION, dataset_type, "--record-count", "20")
        assert made["status"] == "ready"
        return str(made["dataset_id"])

    @contextmanager
    def start_process(
        self, *args: str, until: str, module: str = "server"
    ) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """One command in a process of its own, and its line on stderr that has `until`; killed when it takes long."""
        process = subprocess.Popen(
            (sys.executable, "-m", module, *args, "--data-dir", self.folder),
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        patience = threading.Timer(PATIENCE_S, process.kill)
        patience.start()
        try:
            assert process.stderr is not None
            yield process, next(line for line in process.stderr if until in line)
        finally:
            patience.cancel()
            process.kill()
            process.communicate()

    def run_on_terminal(self, *args: str, typed: str, after: str) -> tuple[int, str, str]:
        """One command of a person, who types a line when `after` is shown: exit code, stdout, and what was shown."""
        return invoke_on_terminal(*args, "--data-dir", str(self.folder), typed=typed, after=after)

    def interrupt_on_terminal(self, *args: str, after: str) -> tuple[int, str, str]:
        """The same in a process of its own, of a person who presses Ctrl-C in place of typing."""
        person, terminal = pty.openpty()
        process = subprocess.Popen(
            (sys.executable, "-m", "server", *args, "--data-dir", self.folder),
            cwd=CHECKOUT,
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=terminal,
            env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        )
        os.close(terminal)
        try:
            shown = _read_terminal(person, until=after)
            process.send_signal(signal.SIGINT)
            stdout, _ = process.communicate(timeout=PATIENCE_S)
            shown += _read_terminal(person)
        finally:
            process.kill()
            process.communicate()
            os.close(person)
        return process.returncode, stdout.decode(), shown

    def load_audit_entries(self) -> list[AuditEntry]:
        """Everything that is on record in the folder, in order."""
        with closing(sqlite3.connect(self.folder / "store.db")) as connection:
            return [
                parse_entry(text) for (text,) in connection.execute("select document from audit order by seq")
            ]

    def open_sandbox(self) -> Sandbox:
        """The folder's Glean, to script it."""
        return Sandbox.open(self.folder / "glean-sandbox.sqlite")


def _make_client_and_journey(commands: CommandLine) -> None:
    commands.run_ok(*CLIENT, "--use-case", "developer_productivity")
    commands.run_ok("journeys", "add", "j1", "--client-id", "ACME", "--stage", "sandbox")


def _make_dataset(commands: CommandLine) -> str:
    return commands.add_client_and_journey().provision_dataset()


def _make_finished_dataset(commands: CommandLine) -> str:
    dataset_id = commands.add_dataset()
    commands.run_ok("journeys", "set-state", "j1", "completed")
    return dataset_id


def _type_at_terminal(person: int, typed: str, after: str) -> str:
    """Type when `after` is shown; all that is shown. It hangs up in the end, so that no command waits for more."""
    try:
        shown = _read_terminal(person, until=after)
        os.write(person, typed.encode())
        return shown + _read_terminal(person)
    finally:
        os.close(person)


def _read_terminal(person: int, until: str | None = None) -> str:
    """What the terminal shows, until that text or the end of the process."""
    text, patience = "", time.monotonic() + PATIENCE_S
    decoder = codecs.getincrementaldecoder("utf-8")()  # what is read may end within a character
    while until is None or until not in text:
        assert select.select([person], [], [], max(0, patience - time.monotonic()))[0], text
        try:
            chunk = os.read(person, 4096)
        except OSError:  # the other side has closed the terminal
            chunk = b""
        if not chunk:
            break
        text += decoder.decode(chunk)
    return text
