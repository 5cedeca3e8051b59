"""What is slow to import stays out of a process until something needs it. Nothing is timed: modules are counted."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import anyio.to_thread
import pytest

if TYPE_CHECKING:
    from pathlib import Path

HEAVY: Final = (
    "cryptography",
    "dbos",
    "httpx",
    "jsonschema_rs",
    "mcp",
    "mcp_types",
    "psycopg",
    "server.sandbox.app",
    "sqlalchemy",
    "sqlite_utils",
    "stamina",
    "standardwebhooks",
    "starlette",
    "uvicorn",
)
_COMMANDS: Final = """
import json, sys
from server.cli.app import app
for arguments in json.loads(sys.argv[1]):
    app(arguments, standalone_mode=False)
print(json.dumps([each for each in json.loads(sys.argv[2]) if each in sys.modules]))
"""
_READING_SERVER: Final = """
import anyio, json, sys
from pathlib import Path
from domain.model import Principal
from server.composition.pending_work import PendingWork
from server.composition.process import open_services
from server.settings import load_settings

async def main():
    settings = load_settings({}, data_dir=Path(sys.argv[1]), cwd=Path.cwd())
    assert not PendingWork(settings, schedules=True)()
    async with open_services(settings, sagas=True, serves=True, schedules=True) as services:
        await services.orphans.list(Principal(subject="agent:kim"))
        await services.sagas.resume()

anyio.run(main)
print(json.dumps([each for each in json.loads(sys.argv[2]) if each in sys.modules]))
"""


@pytest.mark.resilience
async def test_commands_that_list_and_a_server_that_reads_import_nothing_heavy(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    # The first command makes the store, for which it needs more.
    await _run("-m", "server", "--data-dir", data, "clients", "list")
    groups = ("clients", "journeys", "datasets", "archives", "approvals", "audit", "events", "schedules")
    listing = [["--data-dir", data, each, "list"] for each in groups]
    listing += [["--data-dir", data, "orphans"], ["--data-dir", data, "drain", "status"]]
    ran = await _run("-c", _COMMANDS, json.dumps(listing), json.dumps(HEAVY))
    assert json.loads(ran.splitlines()[-1]) == []
    ran = await _run("-c", _READING_SERVER, data, json.dumps(HEAVY))
    assert json.loads(ran.splitlines()[-1]) == []


_GREETED: Final = """
import json, sys
import server.cli.app
import server.cli.command
import server.infra.logging
import server.mcp_server.serve
from tools.toolsets import select_tools
select_tools()
print(json.dumps([each for each in json.loads(sys.argv[1]) if each in sys.modules]))
"""


async def test_a_server_that_greets_on_stdio_imports_nothing_for_calls_terminals_http_or_other_toolsets() -> (
    None
):
    unused = ["greenlet", "pygments", "rich", "server.web.http", "tools.leases", "tools.recovery"]
    # What carries a call out is imported with the first one.
    unused += ["domain.connectors", "domain.content", "domain.governance", "domain.lifecycle"]
    ran = await _run("-c", _GREETED, json.dumps(unused))
    assert json.loads(ran.splitlines()[-1]) == []


async def _run(*arguments: str) -> str:
    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)

    done = await anyio.to_thread.run_sync(run)
    assert done.returncode == 0, done.stderr
    return done.stdout
