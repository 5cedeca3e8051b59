"""`mcp.json`, as a host would use it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.e2e.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PLACEHOLDER = re.compile(r"\$\{(\w+):-([^}]*)\}")


def servers(**variables: str) -> dict[str, Any]:
    """The servers of the file, with its placeholders filled in as a host does."""
    written = (ROOT / "mcp.json").read_text(encoding="utf-8")
    found = json.loads(PLACEHOLDER.sub(lambda each: variables.get(each[1], each[2]), written))["mcpServers"]
    assert isinstance(found, dict)
    return found


async def test_the_stdio_server_starts_as_written_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    entry = servers(DATASET_LIFECYCLE_HOME=str(ROOT))["datasets"]
    settings = {"DATASET_LIFECYCLE_DATA_DIR": str(tmp_path / "data"), "UV_NO_SYNC": "1"}
    transport = stdio_client(
        StdioServerParameters(command=entry["command"], args=entry["args"], env=settings)
    )
    with anyio.fail_after(60):
        async with Client(transport) as client:
            assert len((await client.list_tools()).tools) == 4


def test_it_has_the_one_server_that_a_host_can_start_itself() -> None:
    assert list(servers()) == ["datasets"]


def start(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The end of the stdio server that a host starts in that folder, whose client has nothing to say."""
    entry = servers(**variables)["datasets"]
    return subprocess.run(
        [entry["command"], *entry["args"]],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "UV_NO_SYNC": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_variables_it_works_from_the_folder_that_it_is_in() -> None:
    args = servers()["datasets"]["args"]
    assert args[args.index("uv") - 1] == "."


@pytest.mark.parametrize("given", [{}, {"DATASET_LIFECYCLE_HOME": "nowhere"}])
def test_in_another_folder_it_names_the_variable_that_is_missing_and_makes_nothing(
    tmp_path: Path, given: dict[str, str]
) -> None:
    ended = start(tmp_path, **given)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("The variable DATASET_LIFECYCLE_HOME is missing or wrong: ")
    assert str(tmp_path) in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_placeholder_that_a_host_did_not_replace_names_the_variable_too(tmp_path: Path) -> None:
    entry = json.loads((ROOT / "mcp.json").read_text(encoding="utf-8"))["mcpServers"]["datasets"]
    ended = subprocess.run(
        [entry["command"], *entry["args"]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, "DATASET_LIFECYCLE_HOME" in ended.stderr) == (2, True)
