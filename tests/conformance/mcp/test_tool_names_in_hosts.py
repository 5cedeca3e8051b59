"""What hosts make of the tools' names: none may be longer than their models take."""

from __future__ import annotations

import json
import tomllib
from typing import Final

import pytest

from tests.support.servers.command_line import CHECKOUT
from tools.toolsets import TOOLSETS, select_tools

LONGEST: Final = 64
"""OpenAI, Anthropic, Bedrock and Gemini take names of up to 64 letters, digits, `_` and `-`."""
PROJECT: Final = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
[KEY] = json.loads((CHECKOUT / "mcp.json").read_text(encoding="utf-8"))["mcpServers"]
PATTERNS: Final = {
    "Claude Code": "mcp__{server}__{tool}",
    "a plugin of Claude Code": "mcp__plugin_{plugin}_{server}__{tool}",
    "Cursor": "mcp_{server}_{tool}",
    "VS Code": "mcp_{server}_{tool}",
    "Gemini CLI": "mcp_{server}_{tool}",
    "openai-agents": "{server}_{tool}",
    "opencode": "{server}_{tool}",
}


@pytest.mark.parametrize("host", PATTERNS)
def test_no_tools_name_is_too_long_with_a_hosts_prefix(host: str) -> None:
    names = [
        PATTERNS[host].format(plugin=PROJECT, server=KEY, tool=each.name)
        for each in select_tools(tuple(TOOLSETS))
    ]
    assert [each for each in names if len(each) > LONGEST] == []
