from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from mcp import MCPError
from mcp_types import INTERNAL_ERROR
from pydantic import BaseModel, ValidationError

from tests.support.content.hostile_text import HOSTILE, unprintable_fields
from tools.edge.printable import PrintableMiddleware

if TYPE_CHECKING:
    from mcp.server.context import CallNext, ServerRequestContext

REQUEST = cast("ServerRequestContext[Any, Any]", SimpleNamespace())


class Parameters(BaseModel):
    """The parameters of some request."""

    number: int


async def test_the_parameters_of_a_request_stay_the_sdks_to_refuse() -> None:
    async def refuse(_: object) -> None:
        Parameters.model_validate({"number": "none"})

    with pytest.raises(ValidationError):
        await PrintableMiddleware()(REQUEST, cast("CallNext", refuse))


async def test_the_words_of_an_exception_stay_here() -> None:
    async def break_down(_: object) -> None:
        raise RuntimeError("the secret is 42")

    with pytest.raises(MCPError) as told:
        await PrintableMiddleware()(REQUEST, cast("CallNext", break_down))
    assert (told.value.code, told.value.message) == (INTERNAL_ERROR, "Internal server error")


async def test_what_the_sdk_answers_by_itself_is_made_printable() -> None:
    async def refuse(_: object) -> dict[str, Any]:
        return {"isError": True, "content": [{"type": "text", "text": f"There is no {HOSTILE}"}]}

    answered = await PrintableMiddleware()(REQUEST, cast("CallNext", refuse))
    assert isinstance(answered, dict)
    assert unprintable_fields(answered) == {}
    assert answered["content"][0]["text"].startswith("There is no ")
