"""Unknown tools: the refusal of a tool that a server does not have, in the one error shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import InvalidArgumentError, LifecycleError, Recovery
from domain.model import same_names
from tools.edge.call_audit import audit_call
from tools.edge.errors import MAX_NAME_LENGTH, error_result
from tools.edge.tool import identify_caller, request_origin
from tools.toolsets import TOOLSETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_types import CallToolResult

    from tools.edge.tool import Edge, EdgeContext, LifecycleTool

_VERB: Final = "unknown tool"
"""What the audit log calls such a call."""
_SHORTEST_BEGINNING: Final = len("restore")


async def refuse_unknown_tool(
    name: str, offered: Sequence[LifecycleTool], context: EdgeContext
) -> CallToolResult:
    """Refuse the call of a tool that is not among those that are offered; it is counted and on record like any call."""
    edge: Edge = context.request_context.lifespan_context
    identified, identity_error = identify_caller(edge)
    try:
        calls = (await edge.services()).calls
        given = {"name": name}
        principal = calls.begin(
            identified, _VERB, edge.via, given, known=frozenset(given), **request_origin(context)
        )
        async with audit_call(calls, principal):
            raise identity_error or unknown_tool_error(name, offered)
    except LifecycleError as error:
        return error_result(error)


def unknown_tool_error(name: str, offered: Sequence[LifecycleTool]) -> InvalidArgumentError:
    """The refusal of a tool that is not among those that are offered, with those that it can only be another name of.

    A tool that does something else is no correction, however alike their names are.
    """
    toolset = next((key for key, tools in TOOLSETS.items() if name in {each.name for each in tools}), None)
    if toolset is not None:
        return InvalidArgumentError(
            f"This server does not offer {name}, a tool of the toolset {toolset!r}.",
            field="name",
            recovery=Recovery.NEEDS_HUMAN,
            suggested_action="Ask the operator whether a server should offer it.",
        )
    labels = {each.name: [each.verb, each.title or "", *_beginnings(each.name)] for each in offered}
    candidates = same_names(name, labels, labels)
    return InvalidArgumentError(
        f"There is no tool '{ascii(name)[1:-1][:MAX_NAME_LENGTH]}'.",
        field="name",
        candidates=candidates,
        suggested_action="Call the candidate instead."
        if candidates
        else "Choose one of the tools that are listed.",
    )


def _beginnings(name: str) -> list[str]:
    """The first words of a tool's name that are long enough to tell it from others."""
    words = name.split("_")
    found = ("_".join(words[:count]) for count in range(1, len(words)))
    return [each for each in found if len(each) >= _SHORTEST_BEGINNING]
