"""Commands that texts show, completed with the options of this process, so that they work wherever they are pasted.

The domain's texts name commands as everybody types them, in backticks: `dataset-lifecycle approvals list`. Where a
process works on another data folder or configuration than such a command would, every edge adds the options.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

_BEGINNING: Final = "`dataset-lifecycle "
_COMMAND: Final = re.compile(rf"{_BEGINNING}[^`]+")


def command_ends(text: str) -> list[int]:
    """Where each command in the text ends, which is where options go."""
    return [found.end() for found in _COMMAND.finditer(text)] if _BEGINNING in text else []


def complete_commands(text: str, options: str) -> str:
    """The text with the options behind each command in it; as it is without options."""
    if options:
        for end in reversed(command_ends(text)):
            text = f"{text[:end]} {options}{text[end:]}"
    return text


# It takes and returns any plain JSON.
def complete_commands_json(value: Any, options: str) -> Any:  # noqa: ANN401
    """A JSON value with the commands in all its texts completed."""
    if isinstance(value, str):
        return complete_commands(value, options)
    if isinstance(value, dict):
        return {name: complete_commands_json(each, options) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [complete_commands_json(each, options) for each in value]
    return value


class CommandsMiddleware:
    """Middleware around every request, which completes the commands in what tools answer."""

    def __init__(self, options: Callable[[], str]) -> None:
        """Complete with the options that `options` gives for the caller of the request."""
        self._options = options

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Answer the request."""
        result = await call_next(ctx)
        if not isinstance(result, dict) or "content" not in result or not (options := self._options()):
            return result
        completed: dict[str, Any] = complete_commands_json(
            {name: each for name, each in result.items() if name != "content"}, options
        )
        blocks = [_complete_block(each, options) for each in result["content"]]
        return {**completed, "content": blocks}


def _complete_block(block: dict[str, Any], options: str) -> dict[str, Any]:
    text: str = block["text"]
    if _BEGINNING not in text:
        return block
    # An answer and the second text of a refusal are JSON, in which a path may need an escape.
    is_json = text.startswith("{")
    completed = (
        to_json(complete_commands_json(json.loads(text), options)).decode()
        if is_json
        else complete_commands(text, options)
    )
    return {**block, "text": completed}
