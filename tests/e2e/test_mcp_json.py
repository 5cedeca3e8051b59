"""`mcp.json`, as a host would use it."""

from __future__ import annotations

import json
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


def test_without_variables_it_works_from_the_folder_that_it_is_in() -> None:
    args = servers()["datasets"]["args"]
    assert args[args.index("--directory") + 1] == "."


@pytest.mark.parametrize("project", [None, "their-own"])
def test_started_in_another_folder_without_its_variable_it_says_so_and_leaves_nothing(
    tmp_path: Path, project: str | None
) -> None:
    if project is not None:
        text = f'[project]\nname = "{project}"\nversion = "1"\nrequires-python = ">=3.11"\n'
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    entry = servers()["datasets"]
    done = subprocess.run(
        [entry["command"], *entry["args"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert ("dataset-lifecycle" if project else "pyproject.toml") in done.stderr
    assert sorted(tmp_path.iterdir()) == before
