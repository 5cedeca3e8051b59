"""Commands as a person or program gives them: in this process, in one of their own, and on a terminal."""

from __future__ import annotations

import json
import logging
import os
import pty
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from domain.audit.entry import parse_entry
from server.cli.app import app
from tests.support.sandbox.control import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

    from domain.audit.entry import AuditEntry

CHECKOUT = Path(__file__).parents[3]
CLIENT = ("clients", "add", "ACME", "--name", "Acme", "--industry", "fintech")
PROVISION = ("provision", "--client-id", "ACME", "--journey-id", "j1", "--stage", "sandbox", "--dataset-type")
PATIENCE_S = 30


def invoke_command(*args: str) -> Result:
    """One command, in this process."""
    try:
        return CliRunner().invoke(app, args)
    finally:
        # The engine keeps a handler on the runner's stderr, which is closed now.
        logging.getLogger("dbos").handlers.clear()


@dataclass
class CommandLine:
    """The command line on one data folder."""

    folder: Path

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

    def add_client_and_journey(self) -> CommandLine:
        """With a client, and its journey at sandbox."""
        self.run_ok(*CLIENT, "--use-case", "developer_productivity")
        self.run_ok("journeys", "add", "j1", "--client-id", "ACME", "--stage", "sandbox")
        return self

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

    def run_on_terminal(self, *args: str, typed: str | None, after: str) -> tuple[int, str, str]:
        """One command of a person, who types a line when `after` is shown: exit code, stdout, and what was shown.

        With nothing typed they press Ctrl-C.
        """
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
            if typed is None:
                process.send_signal(signal.SIGINT)
            else:
                os.write(person, typed.encode())
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


def _read_terminal(person: int, until: str | None = None) -> str:
    """What the terminal shows, until that text or the end of the process."""
    text, patience = "", time.monotonic() + PATIENCE_S
    while until is None or until not in text:
        assert select.select([person], [], [], max(0, patience - time.monotonic()))[0], text
        try:
            chunk = os.read(person, 4096)
        except OSError:  # the other side has closed the terminal
            chunk = b""
        if not chunk:
            break
        text += chunk.decode()
    return text
