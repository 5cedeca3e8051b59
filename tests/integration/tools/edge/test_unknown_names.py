"""Names that the server does not know, which the SDK repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mcp import MCPError

from tests.integration.tools.conftest import MODERN, open_tool_session
from tests.support.content.hostile_text import HOSTILE, unprintable_fields

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.mark.parametrize("mode", ["legacy", MODERN])
async def test_a_name_that_the_server_does_not_know_is_told_as_printable_text(
    world: World, mode: str
) -> None:
    async with open_tool_session(world, mode=mode) as session:
        answered = await session.client.call_tool(HOSTILE, {})
        with pytest.raises(MCPError) as of_resource:
            await session.client.read_resource(f"x://{HOSTILE}")
        with pytest.raises(MCPError) as of_prompt:
            await session.client.get_prompt(HOSTILE)

    assert answered.is_error
    assert "There is no tool" in str(answered.content)
    assert unprintable_fields(answered.model_dump(mode="json")) == {}
    for raised in (of_resource.value, of_prompt.value):
        assert unprintable_fields([raised.message, raised.data]) == {}
