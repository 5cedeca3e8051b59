"""Faults of one request, and the one place where they become errors of the domain.

A message repeats no text of the other side: only the operation, the status, the number of tries, and names of fields
that we sent.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field

from domain.content import DECODE_ERRORS
from domain.errors import (
    PlatformConflictError,
    PlatformDeniedError,
    PlatformError,
    PlatformInvalidError,
    PlatformNotFoundError,
    PlatformThrottledError,
    PlatformUnavailableError,
)
from domain.model import build_decoder
from server.adapters.glean.transport.remedies import NOT_GLEAN_API, RATE_LIMITED, is_web_page

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from server.adapters.glean.transport.remedies import Remedy

_TRANSIENT: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
_SERVER: Final = 500
_REDIRECT: Final = range(300, 400)
_SECONDS: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_PART: Final = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,63})(\[[0-9]{1,9}\])?")


# Not named Error: it never leaves this package, `platform_error` turns it into an error of the domain.
class Fault(Exception):  # noqa: N818
    """A try that failed.

    Attributes:
        what: what happened, in our own words, as the predicate of a sentence.
        status: the HTTP status, None when there was no response.
        transient: whether another try may succeed.
        retry_after_s: the delay that the response asks for.
        code: the error code, when the body is an error of the API.
        fields: the fields that such an error names.
        foreign: whether the response came from something else than the API.
        remedy: the cause and what to do, where they are known.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int | None = None,
        transient: bool = True,
        retry_after_s: float | None = None,
        code: str | None = None,
        fields: tuple[str, ...] = (),
        foreign: bool = False,
        remedy: Remedy | None = None,
    ) -> None:
        """Keep the facts."""
        super().__init__(what)
        self.what = what
        self.status = status
        self.transient = transient
        self.retry_after_s = retry_after_s
        self.code = code
        self.fields = fields
        self.foreign = foreign
        self.remedy = remedy


class _Detail(Struct):
    field: str = ""


class _Error(Struct):
    code: str
    details: list[_Detail] = field(default_factory=list)


class _Envelope(Struct):
    error: _Error


_ENVELOPE: Final = build_decoder(_Envelope)


def fault_from_response(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Fault:
    """The fault of a response whose status is not a success."""
    try:
        error: _Error | None = _ENVELOPE.decode(body).error
    except DECODE_ERRORS:
        error = None
    # Only the API itself can say that something does not exist. A proxy's 404 only says that the API is not reachable.
    astray = status == HTTPStatus.NOT_FOUND and error is None
    foreign = astray or status in _REDIRECT or (status < _SERVER and is_web_page(headers))
    return Fault(
        f"answered {status}",
        status=status,
        transient=status >= _SERVER or status in _TRANSIENT or astray,
        foreign=foreign,
        remedy=_remedy(status, foreign=foreign),
        retry_after_s=parse_retry_after(headers, now),
        code=error.code if error else None,
        fields=tuple(each.field for each in error.details) if error else (),
    )


def _remedy(status: int, *, foreign: bool) -> Remedy | None:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RATE_LIMITED
    return NOT_GLEAN_API if foreign and status not in _TRANSIENT else None


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """`Retry-After` in seconds from now, given as seconds or as an HTTP date (RFC 9110, 10.2.3); None when absent."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    wanted = _parse_http_date(text)
    # The date was set by the server's clock, so it is compared with the server's `Date` where there is one.
    return (
        None
        if wanted is None
        else max(0.0, (wanted - (_parse_http_date(headers.get("date", "")) or now)).total_seconds())
    )


def _parse_http_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def platform_error(
    fault: Fault, operation: str, tries: int, sent: Collection[str], absent: Collection[int] = ()
) -> PlatformError:
    """The domain's error for the last of `tries` faults. `sent` are the field names that the message may repeat.

    A status in `absent` means that the thing does not exist.
    """
    times = "once" if tries == 1 else f"{tries} times"
    reason = f", {fault.remedy.what}" if fault.remedy else ""
    message = f"Glean's {operation} was tried {times}: it {fault.what}{reason}."
    facts: dict[str, Any] = {"operation": operation, "tries": tries}
    if fault.remedy:
        facts["suggested_action"] = fault.remedy.action
    kind = PlatformNotFoundError if fault.status in absent and not fault.foreign else _error_class(fault)
    if issubclass(kind, PlatformUnavailableError):
        facts["retry_after_s"] = fault.retry_after_s
    named = [each for each in fault.fields if _is_sent_field(each, sent)]
    if named and issubclass(kind, PlatformInvalidError):
        message += f" It refused {', '.join(named)}."
        facts["field"] = named[0]
    return kind(message, **facts)


def _error_class(fault: Fault) -> type[PlatformError]:
    match fault.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return PlatformDeniedError
        case HTTPStatus.NOT_FOUND if fault.code == "not_found":
            return PlatformNotFoundError
        case HTTPStatus.CONFLICT:
            return PlatformConflictError
        case HTTPStatus.TOO_MANY_REQUESTS:
            return PlatformThrottledError
        case status if fault.transient or status in _REDIRECT:
            return PlatformUnavailableError
    return PlatformInvalidError


def _is_sent_field(path: str, sent: Collection[str]) -> bool:
    parts = [_PART.fullmatch(part) for part in path.split(".")]
    return all(part is not None and part.group(1) in sent for part in parts)
