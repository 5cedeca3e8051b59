"""Tools: how an async function becomes an MCP tool with a description, a schema, a scope and the one error shape.

The services and the principal are injected through `Resolve`, so they are not in the tool's schema. The answer is a
model, whose schema is published. Every `LifecycleError` in a call (from its arguments, a resolver or the tool) becomes
the one error shape. Any other exception is a bug, which the SDK logs and masks.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.resolve import Resolve
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import to_json

from domain.audit import ANONYMOUS
from domain.errors import ForbiddenError, InvalidArgumentError, LifecycleError, ReadOnlyError
from domain.model import Principal
from domain.policy import require_scope, required_scope
from prompts.words import load_prompt
from tools.edge.arguments import IDENTIFIER_PATTERN, restore_types
from tools.edge.call_audit import audit_call
from tools.edge.errors import error_result, invalid_arguments_error
from tools.edge.question_pace import QuestionPace
from tools.edge.request_state import malformed_answer_error, require_valid_request_state
from tools.edge.results import Answer
from tools.schemas import published_input_schema, published_schema
from tools.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What a server gives to its tools.

    Attributes:
        services: gives the services, which are opened when they are first needed.
        identify: gives the principal of the call that is being answered. Raises ForbiddenError when it is unknown.
        via: how calls arrive, for the audit log.
        read_only: whether tools that change something are refused.
        pace: how long questions may take.
        command_options: gives the options that complete the commands which the caller of the request is shown.
    """

    services: Callable[[], Awaitable[Services]]
    identify: Callable[[], Principal]
    via: str = "memory"
    read_only: bool = False
    pace: QuestionPace = field(default_factory=QuestionPace)
    command_options: Callable[[], str] = str

    @property
    def principal(self) -> Principal:
        """The principal of the call that is being answered. Raises ForbiddenError when it is unknown."""
        return self.identify()


_ID: Final = re.compile(IDENTIFIER_PATTERN)

EdgeContext = Context[Edge, Any]


async def _services(ctx: EdgeContext) -> Services:
    return await ctx.request_context.lifespan_context.services()


async def _caller(ctx: EdgeContext) -> Principal:
    return ctx.request_context.lifespan_context.principal


GivenServices = Annotated[Services, Resolve(_services)]
GivenCaller = Annotated[Principal, Resolve(_caller)]
_ASK_NOBODY: Final = frozenset({_services, _caller})
"""The resolvers that never ask a person."""


class _StrictArguments(ArgModelBase):
    """Arguments with strict types; an unknown argument is an error."""

    model_config = ConfigDict(strict=True, extra="forbid")


class _Metadata(FuncMetadata):
    """Conversion of a call's arguments to values, and of its answer to a result."""

    destructive: bool = False

    def validate_arguments(self, arguments_to_validate: dict[str, Any]) -> dict[str, Any]:
        """Convert arguments, whose types are restored, to values. Raises InvalidArgumentError."""
        try:
            return self.arg_model.model_validate(arguments_to_validate).model_dump_one_level()
        except ValidationError as error:
            raise invalid_arguments_error(error, self.arg_model, destructive=self.destructive) from error

    def convert_result(self, result: object) -> CallToolResult | InputRequiredResult:
        """Convert the answer to structured content, and to the same JSON as text for clients that read only text."""
        if not isinstance(result, Answer):
            return super().convert_result(result)
        document = result.as_dict()
        text = to_json(document).decode()
        return CallToolResult(content=[TextContent(text=text)], structured_content=document)


class LifecycleTool(Tool):
    """A tool that requires the scope of its verb, and answers errors in the one error shape."""

    verb: str = ""

    @property
    def mutating(self) -> bool:
        """Whether the tool changes something, so that a read-only server refuses it."""
        return self.annotations is None or not self.annotations.read_only_hint

    # The signature is the SDK's.
    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,  # noqa: FBT001, FBT002
    ) -> Any:  # noqa: ANN401
        """Run the tool with an audit entry; a LifecycleError from anywhere in it becomes an error result."""
        edge: Edge = context.request_context.lifespan_context
        try:
            calls = (await edge.services()).calls
        except LifecycleError as error:  # without a store, no entry can be written either
            return error_result(error)
        except Exception as error:
            raise UnexpectedToolError(f"Error executing tool {self.name}") from error
        identified, identity_error = identify_caller(edge)
        known = self.fn_metadata.arg_model.model_fields
        arguments = restore_types(arguments, known)
        principal = calls.begin(
            identified, self.verb, edge.via, arguments, known=known, **request_origin(context)
        )
        context.request_context.lifespan_context = replace(edge, identify=lambda: principal)
        try:
            async with audit_call(calls, principal) as call:
                # Raised only here, so that the attempt of an unknown caller is on record, too.
                if identity_error:
                    raise identity_error
                result = await self._run_authorized(
                    principal, arguments, context, convert_result=convert_result
                )
                call.shown = _question_text(result)
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
        """Check read-only, scope and request state, and run the tool. Raises the LifecycleError that it ends with."""
        if self.mutating and context.request_context.lifespan_context.read_only:
            msg = f"This server was started read-only, so {self.name} is not available."
            raise ReadOnlyError(msg)
        require_scope(principal, self.verb)
        require_valid_request_state()
        try:
            return await super().run(arguments, context, convert_result=convert_result)
        except ToolError as error:
            if isinstance(error.__cause__, LifecycleError):
                raise await _with_suggestions(error.__cause__, arguments, principal, context) from None
            if isinstance(error.__cause__, ToolError):  # the SDK rejected the answer to a question
                raise malformed_answer_error() from None
            audit_id = principal.call.audit_id if principal.call else None
            raise UnexpectedToolError(f"Error executing tool {self.name} ({audit_id})") from error.__cause__


async def _with_suggestions(
    error: LifecycleError, arguments: dict[str, Any], principal: Principal, context: Context[Any, Any]
) -> LifecycleError:
    """The error; when an id has a form that none can have, with the ids that it may mean as candidates."""
    given = arguments.get(error.field or "")
    if not isinstance(error, InvalidArgumentError) or error.candidates or not isinstance(given, str):
        return error
    if not _ID.fullmatch(given):
        services: Services = await context.request_context.lifespan_context.services()
        error.candidates = await services.datasets.suggest_ids(
            error.field, given, principal, arguments.get("client_id")
        )
    return error


def identify_caller(edge: Edge) -> tuple[Principal, ForbiddenError | None]:
    """Identify the caller; for an unknown one, the anonymous principal and the error to raise."""
    try:
        return edge.principal, None
    except ForbiddenError as error:
        return ANONYMOUS, error


def request_origin(context: Context[Any, Any]) -> dict[str, Any]:
    """The client program and the trace context that a request claims. They are recorded, and prove nothing."""
    request = context.request_context
    params = request.session.client_params
    headers, meta = context.headers or {}, request.meta or {}
    return {
        "client": f"{params.client_info.name} {params.client_info.version}" if params else None,
        "traceparent": meta.get("traceparent") or headers.get("traceparent"),
    }


def _question_text(result: object) -> str | None:
    """The text of the questions in a result; None when the result is an answer."""
    if not isinstance(result, InputRequiredResult):
        return None
    messages = [getattr(each.params, "message", "") for each in (result.input_requests or {}).values()]
    return "\n".join(messages)


def _give_directly(tool: LifecycleTool) -> None:
    """Give a tool the services and the caller without the resolution of the SDK, for which each call would pay."""
    function = tool.fn
    given = {name: each.fn for name, (each, _) in tool.resolved_params.items() if each.fn in _ASK_NOBODY}
    context_name = tool.context_kwarg

    async def call(*, ctx: EdgeContext, **arguments: Any) -> BaseModel:
        own = {} if context_name is None else {context_name: ctx}
        answer: BaseModel = await function(
            **arguments, **own, **{name: await resolve(ctx) for name, resolve in given.items()}
        )
        return answer

    tool.fn, tool.context_kwarg = call, "ctx"
    tool.resolved_params = {name: each for name, each in tool.resolved_params.items() if name not in given}


def build_tool(
    function: Callable[..., Awaitable[BaseModel]], *, verb: str, title: str, annotations: ToolAnnotations
) -> LifecycleTool:
    """Build a tool from a function, named like it and described by `prompts/tools/<name>.md`.

    `verb` is a key of `domain.policy.SCOPE_OF_VERB`. Raises KeyError for an unknown one.
    """
    # A tool without a scope must fail when the server is built, not when it is called.
    required_scope(verb)
    tool = cast(
        "LifecycleTool",
        LifecycleTool.from_function(
            function,
            title=title,
            description=load_prompt(f"tools/{function.__name__}"),
            annotations=annotations,
        ),
    )
    tool.verb = verb
    _give_directly(tool)
    metadata = tool.fn_metadata
    arguments = create_model(
        f"{function.__name__}_arguments", __base__=(metadata.arg_model, _StrictArguments)
    )
    tool.parameters = published_input_schema(arguments.model_json_schema())
    tool.fn_metadata = _Metadata(
        arg_model=arguments,
        output_model=metadata.output_model,
        output_schema=published_schema(metadata.output_schema or {}),
        destructive=bool(annotations.destructive_hint),
    )
    return tool
