"""How a tool is described, given what it works with, and its errors shaped.

A tool is a plain async function. What it may use comes in through `Resolve`, so neither the services nor the caller
are in its schema; what it answers is a model, whose schema is published; and every `LifecycleError`, from wherever in
a call it comes (the arguments, a resolver, the tool itself), becomes the one error shape. Any other exception is a bug,
which the SDK logs and masks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

from mcp import MCPError
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.resolve import Resolve
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from domain.auditing import NOBODY
from domain.callers import Caller
from domain.errors import ForbiddenError, LifecycleError, ReadOnlyError
from domain.scopes import demand, scope_of
from prompts.words import words
from tools.answers import Answer
from tools.recording import on_record
from tools.refusals import invalid, refused
from tools.rounds import demand_good_round, malformed
from tools.schemas import published
from tools.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What a server gives to its tools: the services, opened when they are first asked for, and who asks, via what."""

    services: Callable[[], Awaitable[Services]]
    identify: Callable[[], Caller]
    via: str = "memory"
    read_only: bool = False

    @property
    def caller(self) -> Caller:
        """Who makes the call that is being answered. Raises ForbiddenError when that cannot be told."""
        return self.identify()


EdgeContext = Context[Edge, Any]


async def _services(ctx: EdgeContext) -> Services:
    return await ctx.request_context.lifespan_context.services()


async def _caller(ctx: EdgeContext) -> Caller:
    return ctx.request_context.lifespan_context.caller


GivenServices = Annotated[Services, Resolve(_services)]
GivenCaller = Annotated[Caller, Resolve(_caller)]


class _Closed(ArgModelBase):
    """Arguments that are taken as they are or not at all."""

    model_config = ConfigDict(strict=True, extra="forbid")


class _Metadata(FuncMetadata):
    """How a call's arguments become values, and its answer a result."""

    def validate_arguments(self, arguments_to_validate: dict[str, Any]) -> dict[str, Any]:
        """The arguments as values; an optional one that is null counts as left out. Raises InvalidArgumentError."""
        fields = self.arg_model.model_fields
        given = {
            name: value
            for name, value in arguments_to_validate.items()
            if value is not None or name not in fields or fields[name].is_required()
        }
        try:
            return self.arg_model.model_validate(given).model_dump_one_level()
        except ValidationError as error:
            raise invalid(error, self.arg_model) from error

    def convert_result(self, result: object) -> CallToolResult | InputRequiredResult:
        """The answer as structured content, and as the same JSON in text for clients that read only that."""
        if not isinstance(result, Answer):
            return super().convert_result(result)
        text = result.model_dump_json(exclude_none=True)
        return CallToolResult(content=[TextContent(text=text)], structured_content=result.body())


class LifecycleTool(Tool):
    """A tool whose refusals and failures have the one error shape, and which asks for the scope of its verb."""

    verb: str = ""

    @property
    def mutating(self) -> bool:
        """Whether a read-only server must not have it."""
        return self.annotations is None or not self.annotations.read_only_hint

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,  # noqa: FBT001, FBT002 - the SDK's signature
    ) -> Any:  # noqa: ANN401 - the SDK's too
        """Run the tool, on record; a LifecycleError from anywhere within becomes the result that carries it."""
        edge: Edge = context.request_context.lifespan_context
        try:
            calls = (await edge.services()).calls
        except LifecycleError as error:  # without a store there is no record either
            return refused(error)
        except Exception as error:
            raise UnexpectedToolError(f"Error executing tool {self.name}") from error
        who, stranger = _known(edge)
        known = self.fn_metadata.arg_model.model_fields
        caller = calls.begin(who, self.verb, edge.via, arguments, known=known, **_whence(context))
        context.request_context.lifespan_context = replace(edge, identify=lambda: caller)
        try:
            async with on_record(calls, caller) as ending:
                if stranger:
                    raise stranger
                result = await self._answered(caller, arguments, context, convert_result=convert_result)
                ending.shown = _shown(result)
        except LifecycleError as error:
            return refused(error)
        return result

    async def _answered(
        self, caller: Caller, arguments: dict[str, Any], context: Context[Any, Any], *, convert_result: bool
    ) -> Any:  # noqa: ANN401 - the SDK's
        """What the tool answers. Raises the LifecycleError that it ends with."""
        if self.mutating and context.request_context.lifespan_context.read_only:
            msg = f"This server was started read-only, so {self.name} is not available."
            raise ReadOnlyError(msg)
        demand(caller, self.verb)
        demand_good_round()
        try:
            return await super().run(arguments, context, convert_result=convert_result)
        except ToolError as error:
            if isinstance(error.__cause__, LifecycleError):
                raise error.__cause__ from None
            if isinstance(error.__cause__, ToolError):  # the SDK's own, about what a question was answered
                raise malformed() from None
            audit_id = caller.call.audit_id if caller.call else None
            raise UnexpectedToolError(f"Error executing tool {self.name} ({audit_id})") from error.__cause__
        except MCPError:  # the client answered a question with an error
            raise malformed() from None


def _known(edge: Edge) -> tuple[Caller, ForbiddenError | None]:
    """Who calls; or nobody, and why that is refused."""
    try:
        return edge.caller, None
    except ForbiddenError as error:
        return NOBODY, error


def _whence(context: Context[Any, Any]) -> dict[str, Any]:
    """What a request says of itself, which proves nothing: the program that sent it, and the trace it belongs to."""
    request = context.request_context
    params = request.session.client_params
    headers, meta = context.headers or {}, request.meta or {}
    return {
        "client": f"{params.client_info.name} {params.client_info.version}" if params else None,
        "traceparent": meta.get("traceparent") or headers.get("traceparent"),
    }


def _shown(result: object) -> str | None:
    """What a person is asked by a result that is a question; None for an answer."""
    if not isinstance(result, InputRequiredResult):
        return None
    found = [getattr(each.params, "message", "") for each in (result.input_requests or {}).values()]
    return "\n".join(found)


def tool(
    function: Callable[..., Awaitable[BaseModel]], *, verb: str, title: str, annotations: ToolAnnotations
) -> LifecycleTool:
    """The tool that a function is: named like it, described by `prompts/tools/<name>.md`, closed to other arguments.

    `verb` is what it does, as `domain.scopes.SCOPES` has it. Raises KeyError for one that is not there.
    """
    scope_of(verb)
    made = cast(
        "LifecycleTool",
        LifecycleTool.from_function(
            function, title=title, description=words(f"tools/{function.__name__}"), annotations=annotations
        ),
    )
    made.verb = verb
    metadata = made.fn_metadata
    arguments = create_model(f"{function.__name__}_arguments", __base__=(metadata.arg_model, _Closed))
    made.parameters = published(arguments.model_json_schema())
    made.fn_metadata = _Metadata(
        arg_model=arguments,
        output_model=metadata.output_model,
        output_schema=published(metadata.output_schema or {}),
    )
    return made
