"""What `serve` and `doctor` say and end with where the store that is configured will not do, as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
import pytest

from server.adapters.store.postgres.migrations import migrate
from server.infra.postgres.dsn import parse_postgres_url
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.stores.postgres_server import database_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tests.support.stores.postgres_server import PostgresServer

ROOT: Final = Path(__file__).parents[4]
SECRET: Final = "s3cr%2Ft"
"""A password, as it is written in a URL."""
SPOKEN: Final = ("s3cr/t", SECRET)
UNUSABLE: Final = 2
FAILED: Final = 1
WAITS: Final = 0

# Run by Python before anything else: as on a file system of that kind, where this machine has none.
LOCKLESS: Final = """
import errno, fcntl, os

def flock(descriptor, operation):
    if os.environ["FLOCK"] != "nothing":
        raise OSError(getattr(errno, os.environ["FLOCK"]), os.strerror(getattr(errno, os.environ["FLOCK"])))

fcntl.flock = flock
"""
OLD: Final = """
from server.adapters.store.postgres import migrations

migrations.OLDEST_VERSION = 1000
"""


@dataclass(frozen=True)
class StartupSetup:
    """A Glean, and a folder to start in."""

    folder: Path
    glean: EmbeddedSandbox

    async def run(self, verb: str, url: str, before: str = "", **more: str) -> tuple[int, str]:
        """Exit code and all that is said of a command with that `DATABASE_URL`, to which `before` is done first."""
        site = self.folder / "site"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(before)
        kept = {name: value for name, value in os.environ.items() if name.startswith(("COV", "PATH", "HOME"))}
        environ = {**kept, "PYTHONPATH": f"{site}:{ROOT}", "TERM": "dumb", **more}
        if url:
            environ |= {
                "DATABASE_URL": url,
                "GLEAN_API_KEY": "their-key",
                "GLEAN_BASE_URL": self.glean.base_url,
            }
        arguments = ["--transport", "http", "--port", "0"] if verb == "serve" else ["--json"]
        ran = await anyio.to_thread.run_sync(
            lambda: subprocess.run(
                [sys.executable, "-m", "server", verb, *arguments, "--data-dir", str(self.folder / "data")],
                env=environ,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
        )
        return ran.returncode, ran.stdout + ran.stderr


@pytest.fixture
async def startup_setup(tmp_path: Path) -> AsyncIterator[StartupSetup]:
    async with EmbeddedSandbox(tmp_path / "glean.sqlite", token="their-key") as glean:
        yield StartupSetup(tmp_path, glean)


def joined_lines(words: str) -> str:
    """What stands there, whichever way its lines are broken."""
    return " ".join(words.split())


@dataclass(frozen=True)
class Case:
    """A store, what is said of it, and what `serve` ends with."""

    name: str
    says: str
    serve: int

    def __str__(self) -> str:
        return self.name


CASES: Final = (
    Case("malformed", "cannot be read as postgresql://USER:PASSWORD@HOST:PORT/DATABASE", UNUSABLE),
    Case("without a database", "must name the database", UNUSABLE),
    Case("unreachable", "it cannot be reached", WAITS),
    Case("wrong password", "it refuses this user or password", UNUSABLE),
    Case("too old", "1000 is the oldest supported version", UNUSABLE),
    Case("no tables", "may not create tables in it", UNUSABLE),
    Case("newer", "was migrated by a newer version of dataset-lifecycle (it has of_the_future)", UNUSABLE),
)


def store_of(case: str, postgres: PostgresServer) -> tuple[str, str]:
    """The URL of such a store, and what is done before a command begins."""
    url = postgres.create_database()
    at = f"127.0.0.1:{postgres.port}/{database_name(url)}"
    if case == "no tables":
        postgres.execute(f"create role limited_{database_name(url)} login password 's3cr/t'")
        return f"postgresql://limited_{database_name(url)}:{SECRET}@{at}", ""
    if case == "newer":
        with parse_postgres_url(url).connect() as connection:
            migrate(connection, parse_postgres_url(url))
        postgres.execute("insert into dataset_lifecycle.migrations (name) values ('of_the_future')", url)
    return {
        "malformed": (f"postgresql://kim:s3cr/t@{at}", ""),
        "without a database": (f"postgresql://kim:{SECRET}@127.0.0.1", ""),
        "unreachable": (f"postgresql://kim:{SECRET}@127.0.0.1:1/{database_name(url)}", ""),
        "wrong password": (f"postgresql://kim:{SECRET}@{at}", ""),
        "too old": (url, OLD),
    }.get(case, (url, ""))


def sampled_params(cases: Iterable[tuple[str, object]], always: set[tuple[str, str]]) -> list[Any]:
    """The cases as parameters; those that run every time are named, by verb and case."""
    return [
        pytest.param(
            verb,
            case,
            id=f"{verb}-{case}",
            marks=() if (verb, str(case)) in always else pytest.mark.exhaustive,
        )
        for verb, case in cases
    ]


@pytest.mark.parametrize(
    ("verb", "case"),
    sampled_params(
        product(("serve", "doctor"), CASES), {("serve", "wrong password"), ("doctor", "no tables")}
    ),
)
async def test_a_database_that_will_not_do_is_refused_with_its_cause_and_without_its_password(
    startup_setup: StartupSetup, postgres: PostgresServer, verb: str, case: Case
) -> None:
    if (verb, case.serve) == ("serve", WAITS):
        pytest.skip(
            "a server waits for it, and answers meanwhile: tests/resilience/outages/test_server_database_outage.py"
        )
    code, output = await startup_setup.run(verb, *store_of(case.name, postgres))

    assert case.says in joined_lines(output)
    assert code == (case.serve if verb == "serve" else FAILED)
    assert [each for each in SPOKEN if each in output] == []
    assert "Traceback" not in output


@pytest.mark.exhaustive
@pytest.mark.parametrize("verb", ["serve", "doctor"])
async def test_a_shared_database_with_the_embedded_sandbox_is_refused(
    startup_setup: StartupSetup, verb: str
) -> None:
    code, output = await startup_setup.run(verb, "", DATABASE_URL=f"postgresql://kim:{SECRET}@db/sets")

    assert "the embedded sandbox belongs to one machine" in joined_lines(output)
    assert code == (UNUSABLE if verb == "serve" else FAILED)
    assert [each for each in SPOKEN if each in output] == []


@pytest.mark.parametrize(
    ("verb", "flock"),
    sampled_params(
        product(("serve", "doctor"), ("ENOLCK", "ENOTSUP", "ENOSYS", "nothing")),
        {("serve", "nothing"), ("doctor", "ENOLCK")},
    ),
)
async def test_a_data_folder_without_working_locks_is_refused(
    startup_setup: StartupSetup, verb: str, flock: str
) -> None:
    code, output = await startup_setup.run(verb, "", LOCKLESS, FLOCK=flock)

    assert "does not support file locks (flock)" in joined_lines(output)
    assert "on a local disk" in joined_lines(output)
    assert code == (UNUSABLE if verb == "serve" else FAILED)
