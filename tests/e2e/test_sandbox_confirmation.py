"""Who confirms a teardown at sandbox, at real server processes: a program at its own question, or a person."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest
from anyio import to_thread
from mcp.client.client import Client
from mcp_types import ElicitResult

from domain.model.enums import DatasetType, JourneyState
from tests.e2e.conftest import ERAS, ROOT, Era, Transport, add_client_and_journey, stdio_server
from tests.e2e.test_dataset_lifecycle import ToolClient, move_journey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp.client.context import ClientRequestContext
    from mcp_types import ElicitRequestParams

LISTENS: Final = re.compile(r"Listening on 127\.0\.0\.1 port (\d+)")
NAMED: Final = re.compile(r"Take down (\S+)\?")
PATIENCE_S: Final = 90
LONG: Final = pytest.mark.exhaustive


async def types_what_it_is_asked_for(
    context: ClientRequestContext, params: ElicitRequestParams
) -> ElicitResult:
    """A program that answers its own questions."""
    named = NAMED.search(params.message)
    assert named is not None
    return ElicitResult(action="accept", content={"dataset_name": named[1]})


@asynccontextmanager
async def start_server(transport: Transport, data_dir: Path, config: Path) -> AsyncIterator[Any]:
    """A server process, and how a client reaches it."""
    if transport == "stdio":
        environ = {"DATASET_LIFECYCLE_CONFIG": str(config)}
        yield stdio_server(data_dir, environ, read_only=False)
        return
    command = [sys.executable, "-m", "server", "serve", "--transport", "http", "--port", "0"]
    kept = {name: value for name, value in os.environ.items() if name.startswith("COV") or name == "PATH"}
    with subprocess.Popen(  # noqa: ASYNC220 - it starts once, and is read in a thread
        [*command, "--no-schedules", "--data-dir", str(data_dir), "--config", str(config)],
        cwd=ROOT,
        env=kept,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        found = await to_thread.run_sync(lambda: next(filter(None, map(LISTENS.search, lines))))
        try:
            yield f"http://127.0.0.1:{found[1]}/mcp"
        finally:
            process.terminate()
            process.communicate()


@pytest.mark.parametrize(
    ("transport", "era", "chosen", "passes"),
    [
        ("stdio", ERAS[0], None, True),
        ("http", ERAS[1], None, False),
        pytest.param("stdio", ERAS[1], None, True, marks=LONG),
        pytest.param("stdio", ERAS[0], "approval", False, marks=LONG),
        pytest.param("stdio", ERAS[1], "approval", False, marks=LONG),
        pytest.param("http", ERAS[0], None, False, marks=LONG),
        pytest.param("http", ERAS[1], "elicitation", True, marks=LONG),
    ],
)
async def test_a_program_confirms_at_its_own_question_only_where_it_is_trusted(
    tmp_path: Path, transport: Transport, era: Era, chosen: str | None, *, passes: bool
) -> None:
    config, data_dir = tmp_path / "config.yaml", tmp_path / "data"
    section = f"{{confirmation: {{sandbox: {chosen}}}}}" if chosen else "{}"
    config.write_text(f"dataops: {section}\n", encoding="utf-8")
    await add_client_and_journey(data_dir)
    with anyio.fail_after(PATIENCE_S):
        async with (
            start_server(transport, data_dir, config) as server,
            Client(server, mode=era, elicitation_callback=types_what_it_is_asked_for) as client,
        ):
            agent = ToolClient(client)
            made = await agent.provision(DatasetType.JIRA_ISSUES, record_count=5)
            await move_journey(data_dir, JourneyState.COMPLETED)
            wanted = {"dataset_id": made["dataset_id"], "reason": "manual"}
            if passes:
                await agent.call_ok("teardown_dataset", **wanted)
                return
            refused = await agent.call_refused("teardown_dataset", **wanted)
            assert (refused["code"], refused["how"]) == ("confirmation_required", "approval")
            assert refused["approval_id"].startswith("ap-")
