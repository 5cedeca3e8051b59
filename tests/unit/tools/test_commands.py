from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tools.commands import CommandsMiddleware, complete_commands, complete_commands_json

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

REQUEST = cast("ServerRequestContext[Any, Any]", SimpleNamespace())
SHOWN = "See `dataset-lifecycle approvals list`, then `dataset-lifecycle doctor`."
OPTIONS = "--data-dir '/a \"b\"'"
COMPLETED = (
    "See `dataset-lifecycle approvals list --data-dir '/a \"b\"'`, "
    "then `dataset-lifecycle doctor --data-dir '/a \"b\"'`."
)


async def answer(result: HandlerResult, options: str = OPTIONS) -> HandlerResult:
    async def serve(_: object) -> HandlerResult:
        return result

    return await CommandsMiddleware(lambda: options)(REQUEST, cast("CallNext", serve))


def test_each_command_in_a_text_gets_the_options() -> None:
    assert complete_commands(SHOWN, OPTIONS) == COMPLETED


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (SHOWN, ""),
        ("`retry` and dataset-lifecycle doctor", OPTIONS),
        ("", OPTIONS),
        ("`dataset-lifecycle `", OPTIONS),
    ],
)
def test_a_text_without_commands_and_one_without_options_stay_as_they_are(text: str, options: str) -> None:
    assert complete_commands(text, options) == text


def test_every_text_of_a_document_is_completed() -> None:
    document = {"a": [{"b": SHOWN}], "c": (1, SHOWN), "d": None}
    assert complete_commands_json(document, OPTIONS) == {
        "a": [{"b": COMPLETED}],
        "c": [1, COMPLETED],
        "d": None,
    }


async def test_a_result_is_completed_in_each_place_where_clients_look() -> None:
    body = {"message": SHOWN}
    result = {
        "content": [{"type": "text", "text": SHOWN}, {"type": "text", "text": json.dumps(body)}],
        "structuredContent": body,
        "_meta": {"error": body},
        "isError": True,
    }
    completed = await answer(result)
    assert isinstance(completed, dict)
    sentence, document = (each["text"] for each in completed["content"])
    assert sentence == COMPLETED
    assert json.loads(document) == {"message": COMPLETED}
    assert completed["structuredContent"] == completed["_meta"]["error"] == {"message": COMPLETED}
    assert completed["isError"] is True


@pytest.mark.parametrize(
    ("result", "options"),
    [
        ({"content": [{"type": "text", "text": SHOWN}]}, ""),
        ({"content": [{"type": "text", "text": "nothing"}]}, OPTIONS),
        ({"tools": [{"description": SHOWN}]}, OPTIONS),
        (None, OPTIONS),
    ],
)
async def test_what_holds_no_command_and_whoever_gets_no_options_are_answered_as_before(
    result: HandlerResult, options: str
) -> None:
    assert await answer(result, options) == result
