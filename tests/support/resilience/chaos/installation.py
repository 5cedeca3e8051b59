"""Where the processes live: folders, database and Glean, as an operator would set them up."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.resilience.chaos.plan import PROCESSES
from tests.support.sandbox.control import Sandbox
from tests.support.sandbox.launcher import LAUNCHER
from tests.support.webhooks.receiver import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[4]
TOKEN: Final = "a-token-of-the-tests"
_ADDRESS: Final = re.compile(r"Glean sandbox on (\S+)")


@dataclass(frozen=True)
class Installation:
    """One installation. With the `database` of a server there are replicas, each with a data folder of its own."""

    folder: Path
    database: str = ""

    @property
    def staging(self) -> Path:
        """The staging folder, of all."""
        return self.folder / "staging"

    @property
    def archives(self) -> Path:
        """The archive folder, of all."""
        return self.folder / "archives"

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "config.yaml"

    @property
    def glean(self) -> Path:
        """The sandbox's file."""
        return (self.folder / "glean" if self.database else self.data_folder(0)) / "glean-sandbox.sqlite"

    def data_folder(self, number: int) -> Path:
        """The data folder of a process."""
        return self.folder / (f"data-{number}" if self.database else "data")

    @property
    def data_folders(self) -> list[Path]:
        """Every data folder."""
        return sorted({self.data_folder(number) for number in range(PROCESSES)})

    def open_sandbox(self) -> Sandbox:
        """The sandbox's file, opened beside whoever serves it."""
        self.glean.parent.mkdir(parents=True, exist_ok=True)
        return Sandbox.open(self.glean)

    def configure(self, repository: Path, webhook: str, glean_url: str = "") -> None:
        """Write the configuration."""
        dataops = {
            "mock_data_repo": {"path": str(repository)},
            "staging": {"url": str(self.staging)},
            "archival": {"storage_path": str(self.archives)},
            "limits": {"calls_per_minute": 0, "teardowns_per_hour": 0},
            "events": {
                "webhooks": [{"name": "listener", "url": webhook, "secrets": [SECRET]}],
                "first_retry_s": 0.5,
                "longest_retry_s": 2,
            },
        }
        if self.database:
            dataops["store"] = {"url": self.database}
            dataops["glean"] = {"api_key": TOKEN, "base_url": glean_url}
        self.config.write_text(json.dumps({"dataops": dataops}))

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a process: little of ours, for a setting of this machine must not leak in."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**kept, "PYTHONPATH": str(ROOT), "TERM": "dumb"}

    def log_path(self, name: str) -> Path:
        """Where a process writes what it has to say."""
        return self.folder / f"log-{name}"

    def count_adoptions(self) -> int:
        """How many sagas were adopted, going by what the processes said."""
        logs = [self.log_path(str(number)) for number in range(PROCESSES)]
        return sum(each.read_text(encoding="utf-8").count('"saga_adopted"') for each in logs)

    def run_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the product to its end."""
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "server",
                *arguments,
                "--data-dir",
                self.data_folder(0),
                "--config",
                self.config,
            ],
            check=False,
            capture_output=True,
            text=True,
            env=self.environ,
            cwd=ROOT,
        )

    @contextmanager
    def run_sandbox_process(self) -> Iterator[str]:
        """A sandbox in a process of its own; where it answers."""
        self.glean.parent.mkdir(parents=True, exist_ok=True)
        command = (sys.executable, "-m", LAUNCHER, "glean-sandbox", "--port", "0", "--token", TOKEN)
        server = subprocess.Popen(
            (*command, "--data-dir", str(self.glean.parent)),
            env=self.environ,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with server:
            try:
                assert server.stderr
                found = _ADDRESS.match(server.stderr.readline())
                assert found
                yield found[1]
            finally:
                server.terminate()
                server.wait(30)
