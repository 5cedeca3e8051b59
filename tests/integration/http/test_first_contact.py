"""The server as a client first meets it."""

from __future__ import annotations

import getpass
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from mcp.client.client import Client

from domain.errors import InvalidArgumentError
from prompts.words import load_prompt
from server.mcp_server.server import build_server, local_agent_principal

if TYPE_CHECKING:
    from tools.services import Services

HEAVY = (
    "dbos",
    "httpx",
    "jsonschema_rs",
    "server.adapters",
    "server.composition.glean.platform",
    "server.composition.process",
    "server.composition.stores",
    "server.composition.use_cases",
    "sqlalchemy",
    "sqlite_utils",
    "typer",
)


async def refuse_to_open() -> Services:
    raise AssertionError("greeting a client opens nothing")


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_greeting_and_listing_open_nothing_in_either_era(mode: str) -> None:
    async with Client(build_server(refuse_to_open, version="9.9"), mode=mode) as client:
        listed = (await client.list_tools()).tools
        assert len(listed) == 4
        if mode == "legacy":
            assert client.server_info is not None
            assert (client.server_info.name, client.server_info.version) == ("dataset-lifecycle", "9.9")
            assert client.instructions == load_prompt("instructions")


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_only_what_there_is_is_advertised(mode: str) -> None:
    async with Client(build_server(refuse_to_open, version="1"), mode=mode) as client:
        offered = client.server_capabilities
    assert offered is not None
    assert (offered.tools is not None, offered.resources, offered.prompts) == (True, None, None)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_what_there_is_later_is_advertised_then(mode: str) -> None:
    server = build_server(refuse_to_open, version="1")

    async def read_dataset(dataset_id: str) -> str:
        return dataset_id

    server.resource("dataset://{dataset_id}")(read_dataset)
    async with Client(server, mode=mode) as client:
        offered = client.server_capabilities
    assert offered is not None
    assert offered.resources is not None


def test_the_server_is_ready_before_anything_heavy_is_imported() -> None:
    program = (
        "import sys, server.mcp_server.serve; from server.mcp_server.server import build_server;"
        "build_server(None, version='1');"
        f"print([each for each in {HEAVY!r} if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_whoever_has_no_identity_is_an_agent_on_this_account() -> None:
    assert local_agent_principal().subject == f"agent:{getpass.getuser()}"
    assert local_agent_principal().clients is None


def test_a_toolset_that_does_not_exist_is_refused_before_serving() -> None:
    with pytest.raises(InvalidArgumentError, match="There is no toolset 'recovry'"):
        build_server(refuse_to_open, version="1", toolsets=["recovry"])
