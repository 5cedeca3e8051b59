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

from domain.audit import ANONYMOUS
from domain.errors import ForbiddenError, LifecycleError, ReadOnlyError
from domain.model import Principal
from domain.policy import require_scope, required_scope
from prompts.words import load_prompt
from tools.edge.call_audit import audit_call
from tools.edge.errors import error_result, invalid_arguments_error
from tools.edge.request_state import malformed_answer_error, require_valid_request_state
from tools.edge.results import Answer
from tools.schemas import published_schema
from tools.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What a server gives to its tools: the services, opened when they are first asked for, and who asks, via what."""

    services: Callable[[], Awaitable[Services]]
    identify: Callable[[], Principal]
    via: str = "memory"
    read_only: bool = False

    @property
    def principal(self) -> Principal:
        """Who makes the call that is being answered. Raises ForbiddenError when that cannot be told."""
        return self.identify()


EdgeContext = Context[Edge, Any]


async def _services(ctx: EdgeContext) -> Services:
    return await ctx.request_context.lifespan_context.services()


async def _caller(ctx: EdgeContext) -> Principal:
    return ctx.request_context.lifespan_context.principal


GivenServices = Annotated[Services, Resolve(_services)]
GivenCaller = Annotated[Principal, Resolve(_caller)]


class _StrictArguments(ArgModelBase):
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
            raise invalid_arguments_error(error, self.arg_model) from error

    def convert_result(self, result: object) -> CallToolResult | InputRequiredResult:
        """The answer as structured content, and as the same JSON in text for clients that read only that."""
        if not isinstance(result, Answer):
            return super().convert_result(result)
        text = result.model_dump_json(exclude_none=True)
        return CallToolResult(content=[TextContent(text=text)], structured_content=result.as_dict())


class LifecycleTool(Tool):
    """A tool whose refusals and failures have the one error shape, and which asks for the scope of its verb."""

    verb: str = ""

    @property
    def mutating(self) -> bool:
        """Whether a read-only server must not have it."""
        return self.annotations is None or not self.annotations.read_only_hint

    # The signature is the SDK's.
    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,  # noqa: FBT001, FBT002
    ) -> Any:  # noqa: ANN401
        """Run the tool, on record; a LifecycleError from anywhere within becomes the result that carries it."""
        edge: Edge = context.request_context.lifespan_context
        try:
            calls = (await edge.services()).calls
        except LifecycleError as error:  # without a store there is no record either
            return error_result(error)
        except Exception as error:
            raise UnexpectedToolError(f"Error executing tool {self.name}") from error
        who, stranger = _identify_caller(edge)
        known = self.fn_metadata.arg_model.model_fields
        principal = calls.begin(who, self.verb, edge.via, arguments, known=known, **_request_origin(context))
        context.request_context.lifespan_context = replace(edge, identify=lambda: principal)
        try:
            async with audit_call(calls, principal) as ending:
                if stranger:
                    raise stranger
                result = await self._run_authorized(
                    principal, arguments, context, convert_result=convert_result
                )
                ending.shown = _question_text(result)
        except LifecycleError as error:
            return error_result(error)
        return result

    # It answers what the SDK's `run` does.
    async def _run_authorized(
        self,
        principal: Principal,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        *,
        convert_result: bool,
    ) -> Any:  # noqa: ANN401
        """What the tool answers. Raises the LifecycleError that it ends with."""
        if self.mutating and context.request_context.lifespan_context.read_only:
            msg = f"This server was started read-only, so {self.name} is not available."
            raise ReadOnlyError(msg)
        require_scope(principal, self.verb)
        require_valid_request_state()
        try:
            return await super().run(arguments, context, convert_result=convert_result)
        except ToolError as error:
            if isinstance(error.__cause__, LifecycleError):
                raise error.__cause__ from None
            if isinstance(error.__cause__, ToolError):  # the SDK's own, about what a question was answered
                raise malformed_answer_error() from None
            audit_id = principal.call.audit_id if principal.call else None
            raise UnexpectedToolError(f"Error executing tool {self.name} ({audit_id})") from error.__cause__
        except MCPError:  # the client answered a question with an error
            raise malformed_answer_error() from None


def _identify_caller(edge: Edge) -> tuple[Principal, ForbiddenError | None]:
    """Who calls; or nobody, and why that is refused."""
    try:
        return edge.principal, None
    except ForbiddenError as error:
        return ANONYMOUS, error


def _request_origin(context: Context[Any, Any]) -> dict[str, Any]:
    """What a request says of itself, which proves nothing: the program that sent it, and the trace it belongs to."""
    request = context.request_context
    params = request.session.client_params
    headers, meta = context.headers or {}, request.meta or {}
    return {
        "client": f"{params.client_info.name} {params.client_info.version}" if params else None,
        "traceparent": meta.get("traceparent") or headers.get("traceparent"),
    }


def _question_text(result: object) -> str | None:
    """What a person is asked by a result that is a question; None for an answer."""
    if not isinstance(result, InputRequiredResult):
        return None
    found = [getattr(each.params, "message", "") for each in (result.input_requests or {}).values()]
    return "\n".join(found)


def build_tool(
    function: Callable[..., Awaitable[BaseModel]], *, verb: str, title: str, annotations: ToolAnnotations
) -> LifecycleTool:
    """The tool that a function is: named like it, described by `prompts/tools/<name>.md`, closed to other arguments.

    `verb` is what it does, as `domain.policy.SCOPE_OF_VERB` has it. Raises KeyError for one that is not there.
    """
    required_scope(verb)
    made = cast(
        "LifecycleTool",
        LifecycleTool.from_function(
            function,
            title=title,
            description=load_prompt(f"tools/{function.__name__}"),
            annotations=annotations,
        ),
    )
    made.verb = verb
    metadata = made.fn_metadata
    arguments = create_model(
        f"{function.__name__}_arguments", __base__=(metadata.arg_model, _StrictArguments)
    )
    made.parameters = published_schema(arguments.model_json_schema())
    made.fn_metadata = _Metadata(
        arg_model=arguments,
        output_model=metadata.output_model,
        output_schema=published_schema(metadata.output_schema or {}),
    )
    return made
