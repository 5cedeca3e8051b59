"""Remedies for the faults that a person can correct, such as a wrong token or a wrong address.

Glean says in free text why it refuses a token, and documents none of these texts. A known reason is given in our own
words; otherwise the message lists the possible ones.
"""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_READ_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Remedy:
    """The cause, as the end of a sentence, and what a person can do about it."""

    what: str
    action: str


_ASK_FOR_ANOTHER: Final = (
    "Have an indexing token with global permissions made in Glean (Admin console, Platform, API tokens, Indexing "
    "tokens), and set glean.api_key to it."
)
_EXPIRED: Final = Remedy("because the token has expired", _ASK_FOR_ANOTHER)
_WRONG_TOKEN_KIND: Final = Remedy(
    "because the token belongs to another of Glean's APIs, and is not an indexing token", _ASK_FOR_ANOTHER
)
_ADDRESS: Final = Remedy(
    "because the token is not valid from the address of this machine",
    "Have this machine's outgoing address added to the token's greenlisted IPs in Glean, or a token made without any.",
)
_BOUND: Final = Remedy(
    "because the token is bound to other datasources",
    f"It has to create new datasources, so it must be a global token. {_ASK_FOR_ANOTHER}",
)
_UNKNOWN: Final = Remedy(
    "because the token is unknown there, has expired, or belongs to another of Glean's APIs",
    f"Check that glean.base_url is the instance in which the token was made. {_ASK_FOR_ANOTHER}",
)
_FORBIDDEN: Final = Remedy(
    "probably because the token is bound to other datasources or addresses",
    f"Check in Glean what the token is bound to. {_ASK_FOR_ANOTHER}",
)


# The most specific first. `token_expired` and its like are codes of https://developers.glean.com/errors.
_WORDS: Final = (
    (re.compile(r"expired"), _EXPIRED),
    (re.compile(r"\bip\b|\bips\b|greenlist|allowlist"), _ADDRESS),
    (re.compile(r"\bclient\b|token type|type of token|not an indexing token"), _WRONG_TOKEN_KIND),
    (re.compile(r"data ?source|\bscope"), _BOUND),
)
NOT_GLEAN_API: Final = Remedy(
    "which is not Glean's API",
    "Check that glean.base_url is the API address of a Glean that speaks the dialect of glean.dialect, not a web page, "
    "and that no proxy answers in its place.",
)
RATE_LIMITED: Final = Remedy(
    "because it receives too many requests",
    "Wait and call again. Lower glean.requests_per_second where others use the same token or address.",
)
_NAME: Final = Remedy(
    "because its host name cannot be resolved",
    "Check the spelling of glean.base_url, and whether this machine can resolve names.",
)
_CERTIFICATE: Final = Remedy(
    "because its certificate is not trusted here",
    "Check glean.base_url. If a proxy of yours intercepts TLS, name its certificate authority in SSL_CERT_FILE.",
)
_TLS: Final = Remedy(
    "because the server there does not speak TLS", "Check the scheme and the port of glean.base_url."
)
_NOTHING_LISTENS: Final = Remedy(
    "because nothing listens there", "Check the host and the port of glean.base_url, and whether Glean is up."
)
_CONNECTING: Final = (
    (ssl.SSLCertVerificationError, _CERTIFICATE),
    (ssl.SSLError, _TLS),
    (socket.gaierror, _NAME),
    (ConnectionRefusedError, _NOTHING_LISTENS),
)


def denial_remedy(status: int, body: bytes) -> Remedy:
    """The remedy for a token that the Indexing API refuses, by the status and the text of the response."""
    text = body[:_READ_BYTES].decode("utf-8", "replace").casefold()
    for words, remedy in _WORDS:
        if words.search(text):
            return remedy
    return _UNKNOWN if status == HTTPStatus.UNAUTHORIZED else _FORBIDDEN


def connection_remedy(error: BaseException) -> Remedy | None:
    """The remedy for a connection that failed; None when the cause is not known."""
    causes = list(_causes(error))
    return next(
        (remedy for kind, remedy in _CONNECTING if any(isinstance(each, kind) for each in causes)), None
    )


def is_web_page(headers: Mapping[str, str]) -> bool:
    """Whether the response is a web page, which Glean's API never returns."""
    return headers.get("content-type", "").casefold().startswith("text/html")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from _causes(each)
        error = error.__cause__ or error.__context__
