"""Responses of the approvals API: JSON, and errors in the one error shape with the matching HTTP status."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse

from domain import errors
from domain.model import printable_json
from tools.commands import complete_commands_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_STORE: Final = {"Cache-Control": "no-store"}


class BodyTooLargeError(errors.InvalidArgumentError):
    """A body is longer than any valid one."""

    action = "Send the decision alone."


class NotJsonError(errors.InvalidArgumentError):
    """A body is not declared as JSON. A form of a web page can never declare that, so it cannot be forged by one."""

    action = "Send a JSON object, with the header `Content-Type: application/json`."


class WrongHostError(errors.ForbiddenError):
    """A request names a host that is not this server: a browser was tricked into sending it."""

    action = "Call the server by its own address, or add that host to `http.allowed_hosts`."


class WrongOriginError(errors.ForbiddenError):
    """A request comes from another site's page."""

    action = "Call from the server's own page, or add that origin to `http.allowed_origins`."


class NoIdentityError(errors.ForbiddenError):
    """The caller is not known: there is no token, or no valid one."""

    action = "Call with a valid bearer token of your own."


_STATUS: Final[Mapping[type[errors.LifecycleError], int]] = {
    NoIdentityError: 401,
    WrongHostError: 421,
    BodyTooLargeError: 413,
    NotJsonError: 415,
    errors.UnknownApprovalError: 404,
    errors.UnknownDatasetError: 404,
    errors.SettingsError: 500,
    errors.InputError: 400,
    errors.ForbiddenError: 403,
    errors.ReadOnlyError: 403,
    errors.RateLimitedError: 429,
    errors.RefusalError: 409,
    errors.PlatformUnavailableError: 503,
    errors.PlatformError: 502,
    errors.StoreFailedError: 503,
    errors.FailureError: 500,
}
"""The HTTP status of each error class; the first class that matches counts (RFC 9110, section 15; 429: RFC 6585)."""


def status_code_for(error: errors.LifecycleError) -> int:
    """The HTTP status for an error."""
    return next(status for kind, status in _STATUS.items() if isinstance(error, kind))


def json_response(document: Mapping[str, object]) -> JSONResponse:
    """Build a JSON response that no cache may store."""
    return JSONResponse(printable_json(document), headers=_NO_STORE)


def error_response(
    error: errors.LifecycleError, challenge: str | None = None, command_options: str = ""
) -> JSONResponse:
    """Build the response for an error, with a `WWW-Authenticate` challenge where another token would help.

    `command_options` complete the commands that it shows.
    """
    headers = dict(_NO_STORE)
    if challenge is not None:
        headers["WWW-Authenticate"] = challenge
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    shown = complete_commands_json(printable_json(error.as_dict()), command_options)
    return JSONResponse({"error": shown}, status_code=status_code_for(error), headers=headers)
