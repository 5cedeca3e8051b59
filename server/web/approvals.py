"""`/approvals`: what waits for a person's word, and the word of a person who proves who they are.

It answers to the bearers that `/mcp` answers to, by the use cases that the commands have. Without identity a caller is
an agent on this account, who may look; the word is then given on a terminal.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field
from starlette.routing import Route

from domain.carrying_out import approve_and_carry_out
from domain.errors import (
    ForbiddenError,
    InternalError,
    InvalidArgumentError,
    LifecycleError,
    ReadOnlyError,
)
from domain.scopes import demand
from server.approval_document import carried, document
from server.web.answers import NoIdentityError, answer, refusal
from server.web.requests import Form, demand_own_site, filled, json_body
from tools.recording import on_record
from tools.teardown_dataset import told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mcp.server.transport_security import TransportSecuritySettings
    from starlette.requests import Request
    from starlette.responses import Response

    from domain.callers import Caller
    from tools.services import Services
    from tools.spec import Edge

    Work = Callable[[Services, Caller], Awaitable[Mapping[str, Any]]]

_KNOWN: Final = ("approval_id", "decision", "name")
_log: Final = logging.getLogger(__name__)


class Word(Form):
    """What a person says to a request; `name` is what they type to approve it, as its `phrase` has it."""

    decision: Literal["approve", "decline"]
    name: str | None = Field(default=None, max_length=256)


class ApprovalPages:
    """The three pages."""

    def __init__(self, edge: Edge, security: TransportSecuritySettings, metadata_url: str | None) -> None:
        """Serve what the edge has, to its callers.

        Args:
            edge: the use cases, who asks, and whether anything may be changed.
            security: the hosts and origins that requests may name.
            metadata_url: where callers read who gives tokens; None where nobody needs one.
        """
        self._edge = edge
        self._security = security
        self._metadata_url = metadata_url

    def routes(self) -> list[Route]:
        """Their places."""
        return [
            Route("/approvals", self._list, methods=["GET"]),
            Route("/approvals/{approval_id}", self._show, methods=["GET"]),
            Route("/approvals/{approval_id}", self._answer, methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        async def work(services: Services, caller: Caller) -> Mapping[str, Any]:
            found = await services.approvals.list(caller)
            return {"items": [document(each) for each in found], "count": len(found)}

        return await self._answered(request, "approvals list", work)

    async def _show(self, request: Request) -> Response:
        approval_id = request.path_params["approval_id"]

        async def work(services: Services, caller: Caller) -> Mapping[str, Any]:
            return document(await services.approvals.show(approval_id, caller))

        return await self._answered(request, "approvals show", work, {"approval_id": approval_id})

    async def _answer(self, request: Request) -> Response:
        approval_id = request.path_params["approval_id"]
        given, flaw = await _carried(request)
        declines = given.get("decision") == "decline"

        async def work(services: Services, caller: Caller) -> Mapping[str, Any]:
            if self._edge.read_only:
                raise ReadOnlyError("This server was started read-only, so nothing is answered here.")
            if flaw:
                raise flaw
            word = filled(Word, given)
            if declines:
                return document(await services.approvals.decline(approval_id, caller))
            if word.name is None:
                raise InvalidArgumentError(
                    "name is required to approve: what the request's phrase says.", field="name"
                )
            answered, begun = await approve_and_carry_out(
                services.approvals, services.teardowns, approval_id, caller, word.name
            )
            if answered.listed:
                done = await services.sweep_lists.carry_out(answered, caller)
                return {**document(done.approval), **carried(done)}
            if begun is None:
                return document(answered)
            return {**document(answered), "teardown": (await told(services, begun, caller)).body()}

        verb = "approvals decline" if declines else "approvals approve"
        return await self._answered(request, verb, work, {**given, "approval_id": approval_id})

    async def _answered(
        self, request: Request, verb: str, work: Work, arguments: Mapping[str, Any] | None = None
    ) -> Response:
        """The answer to a call that is on record, or the error that it ends with."""
        caller = None
        try:
            await demand_own_site(request, self._security)
            caller = self._known()
            services = await self._edge.services()
            caller = services.calls.begin(
                caller,
                verb,
                self._edge.via,
                arguments or {},
                known=_KNOWN,
                client=request.headers.get("user-agent"),
                traceparent=request.headers.get("traceparent"),
            )
            async with on_record(services.calls, caller):
                demand(caller, verb)
                return answer(await work(services, caller))
        except LifecycleError as error:
            return refusal(error, self._challenge(error, caller))
        except Exception:  # noqa: BLE001 - a bug is answered in the one shape, too
            _log.exception("An answer at %s failed by a bug.", request.url.path)
            bug = InternalError("This server failed; that is a fault of its own.")
            bug.audit_id = caller.call.audit_id if caller and caller.call else None
            return refusal(bug)

    def _known(self) -> Caller:
        try:
            return self._edge.caller
        except ForbiddenError as error:
            raise NoIdentityError("This request carries no good bearer token.") from error

    def _challenge(self, error: LifecycleError, caller: Caller | None) -> str | None:
        """What another token would need, as RFC 6750 (section 3) and RFC 9728 (section 5.1) write it."""
        if self._metadata_url is None:
            return None
        where = f'resource_metadata="{self._metadata_url}"'
        if isinstance(error, NoIdentityError):
            return f'Bearer error="invalid_token", error_description="Authentication required", {where}'
        scope = error.facts.get("scope")
        if isinstance(error, ForbiddenError) and scope and caller and caller.act is None:
            return f'Bearer error="insufficient_scope", scope="{scope}", {where}'
        return None


async def _carried(request: Request) -> tuple[Mapping[str, Any], InvalidArgumentError | None]:
    """What the request carries, or what is wrong with it: that is said when it is known who asks."""
    try:
        return await json_body(request), None
    except InvalidArgumentError as error:
        return {}, error
