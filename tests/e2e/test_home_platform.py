"""A server that was started without the shell's variables does not serve another Glean in silence."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.e2e.conftest import ROOT, add_client_and_journey
from tests.e2e.test_dataset_lifecycle import ToolClient
from tests.support.sandbox.control import Sandbox
from tests.support.sandbox.embedded import EmbeddedSandbox

if TYPE_CHECKING:
    from pathlib import Path

HANDED_OVER = ("HOME", "PATH", "USER", "LOGNAME", "SHELL", "TERM")
"""What hosts pass on to a stdio server."""
WANTED = {"client_id": "ACME", "journey_id": "j1", "stage": "sandbox"}


async def test_a_server_without_the_shells_variables_begins_nothing_and_reads_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await add_client_and_journey(data)
    usual = {name: os.environ[name] for name in HANDED_OVER if name in os.environ}
    async with EmbeddedSandbox(tmp_path / "theirs.sqlite", token="their-key") as theirs:
        glean = {"GLEAN_API_KEY": "their-key", "GLEAN_BASE_URL": theirs.base_url}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in WANTED.items()]
        with anyio.fail_after(60):
            made = await anyio.run_process(
                [
                    *(sys.executable, "-m", "server", "provision", *options),
                    *("--dataset-type=slack_messages", "--record-count=20", "--json", f"--data-dir={data}"),
                ],
                cwd=ROOT,
                env=usual | glean,
            )
        served = json.loads(made.stdout)
        assert (served["status"], served["platform"]) == (
            "ready",
            {"kind": "admin", "address": theirs.base_url},
        )

        program = StdioServerParameters(
            command=sys.executable,
            args=["-m", "server", "serve", "--data-dir", str(data)],
            cwd=str(ROOT),
            env=usual,
        )
        with anyio.fail_after(60), (tmp_path / "stderr").open("w+") as said:
            async with Client(stdio_client(program, errlog=said), mode="legacy") as client:
                for words in ("embedded sandbox, nobody else sees it", theirs.base_url):
                    assert words in (client.instructions or "")
                agent = ToolClient(client)
                for dataset_type in ("jira_issues", "slack_messages"):
                    refusal = await agent.call_refused(
                        "provision_dataset", **WANTED, dataset_type=dataset_type
                    )
                    assert refusal["code"] == "platform_mismatch"
                    for words in ("the embedded sandbox", theirs.base_url):
                        assert words in refusal["message"]
                    assert "HOME, PATH, USER, LOGNAME, SHELL, TERM" in refusal["suggested_action"]
                health = await agent.call_ok("check_connector_health")
                assert [each["name"] for each in health["items"]] == [served["name"]]
                assert health["platform"]["kind"] == "embedded_sandbox"
                assert theirs.base_url in health["warning"]
                assert (await agent.call_ok("list_orphans"))["items"] == []
            said.seek(0)
            first = said.readline()
        assert "Serving embedded sandbox, nobody else sees it" in first
        assert len(theirs.sandbox.datasources()) == 1
    assert Sandbox.open(data / "glean-sandbox.sqlite").datasources() == []
