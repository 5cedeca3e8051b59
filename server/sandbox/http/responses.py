"""What an operation answers, in no dialect's shape yet: a payload, or a refusal with its code."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

STATUS_OF: Final = {
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
"""Every code of the API's errors and the status that goes with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One field of a request and what is wrong with it."""

    field: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """A response before it is sent: `payload` as JSON, or else `text`; neither means no body at all."""

    status: int = HTTPStatus.OK
    payload: Any = None
    text: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """An operation that was not done; nothing was changed."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        details: tuple[Detail, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        """Keep the facts; `code` is one of `STATUS_OF`."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}
        self.status = int(STATUS_OF[code])


def invalid_field_error(field_name: str, problem: str) -> RefusedError:
    """The refusal of one field."""
    return RefusedError(
        "invalid", f"{field_name}: {problem}", details=(Detail(field=field_name, problem=problem),)
    )
