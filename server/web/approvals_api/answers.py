"""What goes back over HTTP: JSON, and for a refusal or failure the one error shape under the status that fits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse

from domain import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEVER_KEPT: Final = {"Cache-Control": "no-store"}


class BodyTooLargeError(errors.InvalidArgumentError):
    """A body is longer than any that makes sense."""

    action = "Send the decision alone."


class NotJsonError(errors.InvalidArgumentError):
    """A body is not declared as JSON, as one that a web page's form sends never is."""

    action = "Send a JSON object, with the header `Content-Type: application/json`."


class WrongHostError(errors.ForbiddenError):
    """A request names a host that is not this server, as one does that a browser was tricked into."""

    action = "Call the server by its own address, or have that name added to `http.allowed_hosts`."


class WrongOriginError(errors.ForbiddenError):
    """A request comes from another site's page."""

    action = "Call from the server's own page, or have that origin added to `http.allowed_origins`."


class NoIdentityError(errors.ForbiddenError):
    """Nobody is known to ask: there is no token, or none that is good."""

    action = "Call with a good bearer token of your own."


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
"""The first of these that an error is gives its status (RFC 9110, section 15; 429 is of RFC 6585)."""


def status_code_for(error: errors.LifecycleError) -> int:
    """The status under which an error is answered."""
    return next(status for kind, status in _STATUS.items() if isinstance(error, kind))


def json_response(document: Mapping[str, object]) -> JSONResponse:
    """An answer that nobody on the way keeps."""
    return JSONResponse(document, headers=_NEVER_KEPT)


def error_response(error: errors.LifecycleError, challenge: str | None = None) -> JSONResponse:
    """The error, and with it a challenge where another token would help."""
    headers = dict(_NEVER_KEPT)
    if challenge is not None:
        headers["WWW-Authenticate"] = challenge
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    return JSONResponse({"error": error.as_dict()}, status_code=status_code_for(error), headers=headers)
