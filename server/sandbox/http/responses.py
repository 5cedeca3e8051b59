"""Responses before they are sent, and the HTTP status of every refusal."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from server.sandbox.state.refusals import RefusalCode

STATUS_OF: Final[Mapping[RefusalCode, HTTPStatus]] = {
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "permission_denied": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "no_such_route": HTTPStatus.NOT_FOUND,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "already_exists": HTTPStatus.CONFLICT,
    "sync_running": HTTPStatus.CONFLICT,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The HTTP status of each error code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """Response before it is sent: `payload` as JSON, or `text`; with neither it has no body."""

    status: int = HTTPStatus.OK
    payload: Any = None
    text: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
