"""`/approvals`: list and show approval requests, and answer them as a person who proves who they are.

It accepts the same bearers as `/mcp`, and calls the same use cases as the commands. Without identity a caller is an
agent on this account: it may read, and a person answers on a terminal.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field
from starlette.routing import Route

from domain.errors import ForbiddenError, InternalError, InvalidArgumentError, LifecycleError, ReadOnlyError
from domain.governance import approve_and_execute
from domain.policy import require_scope
from domain.ports import iterate_pages
from server.web.approvals_api.answers import NoIdentityError, error_response, json_response
from server.web.approvals_api.requests import Form, parse_form, read_json_body
from server.web.approvals_api.serialization import serialize_approval, serialize_sweep_result
from tools.answers.teardown import load_teardown_answer
from tools.edge.call_audit import audit_call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from domain.model import Principal
    from tools.edge.tool import Edge
    from tools.services import Services

    Work = Callable[[Services, Principal], Awaitable[Mapping[str, Any]]]

_KNOWN: Final = ("approval_id", "decision", "name")
_log: Final = logging.getLogger(__name__)


class DecisionForm(Form):
    """The answer of a person to a request; to approve it, `name` must repeat the request's `phrase`."""

    decision: Literal["approve", "decline"]
    name: str | None = Field(default=None, max_length=256)


class ApprovalsApi:
    """The three routes of `/approvals`."""

    def __init__(self, edge: Edge, metadata_url: str | None) -> None:
        """Serve the use cases of an edge.

        Args:
            edge: the use cases, the principal of a call, and whether the server is read-only.
            metadata_url: the URL of the protected-resource metadata; None where no token is needed.
        """
        self._edge = edge
        self._metadata_url = metadata_url

    def routes(self) -> list[Route]:
        """The routes of the three pages."""
        return [
            Route("/approvals", self._list_approvals, methods=["GET"]),
            Route("/approvals/{approval_id}", self._get_approval, methods=["GET"]),
            Route("/approvals/{approval_id}", self._decide_approval, methods=["POST"]),
        ]

    async def _list_approvals(self, request: Request) -> Response:
        async def list_approvals(services: Services, principal: Principal) -> Mapping[str, Any]:
            pages = iterate_pages(
                lambda after: services.approvals.list(principal, after=after), lambda last: last.approval_id
            )
            items = [serialize_approval(each) async for page in pages for each in page]
            return {"items": items, "count": len(items)}

        return await self._handle_request(request, "approvals list", list_approvals)

    async def _get_approval(self, request: Request) -> Response:
        approval_id = request.path_params["approval_id"]

        async def get_approval(services: Services, principal: Principal) -> Mapping[str, Any]:
            return serialize_approval(await services.approvals.load(approval_id, principal))

        return await self._handle_request(
            request, "approvals show", get_approval, {"approval_id": approval_id}
        )

    async def _decide_approval(self, request: Request) -> Response:
        approval_id = request.path_params["approval_id"]
        given, body_error = await _read_body(request)
        declines = given.get("decision") == "decline"

        async def decide_approval(services: Services, principal: Principal) -> Mapping[str, Any]:
            if self._edge.read_only:
                raise ReadOnlyError("This server was started read-only, so no request can be answered here.")
            if body_error:
                raise body_error
            form = parse_form(DecisionForm, given)
            if declines:
                return serialize_approval(await services.approvals.decline(approval_id, principal))
            if form.name is None:
                raise InvalidArgumentError(
                    "name is required to approve a request: repeat the request's phrase.", field="name"
                )
            answered, begun = await approve_and_execute(
                services.approvals, services.teardowns, approval_id, principal, form.name
            )
            if answered.listed:
                done = await services.sweep_lists.start_approved_teardowns(answered, principal)
                return {**serialize_approval(done.approval), **serialize_sweep_result(done)}
            if begun is None:
                return serialize_approval(answered)
            return {
                **serialize_approval(answered),
                "teardown": (await load_teardown_answer(services, begun, principal)).as_dict(),
            }

        verb = "approvals decline" if declines else "approvals approve"
        return await self._handle_request(
            request, verb, decide_approval, {**given, "approval_id": approval_id}
        )

    async def _handle_request(
        self, request: Request, verb: str, work: Work, arguments: Mapping[str, Any] | None = None
    ) -> Response:
        """Handle a request as a call with an audit entry, and answer with its result or error."""
        principal = None
        try:
            principal = self._require_principal()
            services = await self._edge.services()
            principal = services.calls.begin(
                principal,
                verb,
                self._edge.via,
                arguments or {},
                known=_KNOWN,
                client=request.headers.get("user-agent"),
                traceparent=request.headers.get("traceparent"),
            )
            async with audit_call(services.calls, principal):
                require_scope(principal, verb)
                return json_response(await work(services, principal))
        except LifecycleError as error:
            challenge = self._build_challenge(error, principal)
            return error_response(error, challenge, self._edge.command_options())
        except Exception:  # noqa: BLE001
            # A bug is answered in the one error shape, too; its details stay in the log.
            _log.exception("A request at %s failed because of a bug.", request.url.path)
            bug = InternalError("This server failed because of a bug of its own.")
            bug.audit_id = principal.call.audit_id if principal and principal.call else None
            return error_response(bug)

    def _require_principal(self) -> Principal:
        try:
            return self._edge.principal
        except ForbiddenError as error:
            raise NoIdentityError("This request carries no valid bearer token.") from error

    def _build_challenge(self, error: LifecycleError, principal: Principal | None) -> str | None:
        """The `WWW-Authenticate` challenge of RFC 6750 (section 3) and RFC 9728 (section 5.1), or None."""
        if self._metadata_url is None:
            return None
        where = f'resource_metadata="{self._metadata_url}"'
        if isinstance(error, NoIdentityError):
            return f'Bearer error="invalid_token", error_description="Authentication required", {where}'
        scope = error.facts.get("scope")
        if isinstance(error, ForbiddenError) and scope and principal and principal.act is None:
            return f'Bearer error="insufficient_scope", scope="{scope}", {where}'
        return None


async def _read_body(request: Request) -> tuple[Mapping[str, Any], InvalidArgumentError | None]:
    """Read the body, or return what is wrong with it: the error is raised later, when the caller is on record."""
    try:
        return await read_json_body(request), None
    except InvalidArgumentError as error:
        return {}, error
