"""What to do about the faults that a person can end: a token that will not do, an address that is not Glean's.

Glean tells in words why it refuses a token, and documents none of them. What is recognised is told in our own words;
the rest as what it may be.
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
    """What is wrong, as the end of a sentence, and what a person can do about it."""

    what: str
    action: str


_ASK_FOR_ANOTHER: Final = (
    "Have an indexing token with global permissions made in Glean (Admin console, Platform, API tokens, Indexing "
    "tokens), and set glean.api_key to it."
)
_EXPIRED: Final = Remedy("because the token has expired", _ASK_FOR_ANOTHER)
_WRONG_TOKEN_KIND: Final = Remedy(
    "because the token is one for another of Glean's APIs, and not an indexing token", _ASK_FOR_ANOTHER
)
_ADDRESS: Final = Remedy(
    "because the token does not serve from the address of this machine",
    "Have this machine's outgoing address added to the token's greenlisted IPs in Glean, or a token made without them.",
)
_BOUND: Final = Remedy(
    "because the token is bound to other datasources",
    f"Datasources of new names are made with it, so it has to be a global one. {_ASK_FOR_ANOTHER}",
)
_UNKNOWN: Final = Remedy(
    "because the token is not known there, has expired, or is one for another of Glean's APIs",
    f"Check that glean.base_url is the instance that the token was made in. {_ASK_FOR_ANOTHER}",
)
_FORBIDDEN: Final = Remedy(
    "because the token is bound to other datasources or addresses, it seems",
    f"Look in Glean at what the token is bound to. {_ASK_FOR_ANOTHER}",
)


# The most particular first. `token_expired` and its like are codes of https://developers.glean.com/errors.
_WORDS: Final = (
    (re.compile(r"expired"), _EXPIRED),
    (re.compile(r"\bip\b|\bips\b|greenlist|allowlist"), _ADDRESS),
    (re.compile(r"\bclient\b|token type|type of token|not an indexing token"), _WRONG_TOKEN_KIND),
    (re.compile(r"data ?source|\bscope"), _BOUND),
)
NOT_GLEAN_API: Final = Remedy(
    "which is not Glean's API",
    "Check that glean.base_url is the address of a Glean that speaks the dialect of glean.dialect, and no page for "
    "people, and that no proxy answers in its place.",
)
RATE_LIMITED: Final = Remedy(
    "because too much is asked of it in this time",
    "Wait and call again. Lower glean.requests_per_second where others use the same token or address.",
)
_NAME: Final = Remedy(
    "because the name of its host is not known here",
    "Check glean.base_url for a slip, and whether this machine can look names up.",
)
_CERTIFICATE: Final = Remedy(
    "because its certificate is not trusted here",
    "Check glean.base_url. Where a proxy of your own stands between, name its authority in SSL_CERT_FILE.",
)
_TLS: Final = Remedy(
    "because what is there does not speak TLS", "Check the scheme and the port of glean.base_url."
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
    """Why the Indexing API refuses a token, by the status and the text of its answer."""
    text = body[:_READ_BYTES].decode("utf-8", "replace").casefold()
    for words, remedy in _WORDS:
        if words.search(text):
            return remedy
    return _UNKNOWN if status == HTTPStatus.UNAUTHORIZED else _FORBIDDEN


def connection_remedy(error: BaseException) -> Remedy | None:
    """Why no connection was made; None when that is not known."""
    met = list(_causes(error))
    return next((remedy for kind, remedy in _CONNECTING if any(isinstance(each, kind) for each in met)), None)


def is_web_page(headers: Mapping[str, str]) -> bool:
    """Whether an answer is a web page, which no API of Glean's answers with."""
    return headers.get("content-type", "").casefold().startswith("text/html")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from _causes(each)
        error = error.__cause__ or error.__context__
