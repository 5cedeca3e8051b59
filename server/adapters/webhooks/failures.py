"""Why there was no answer, in words that name no address."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEANING: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ssl.SSLCertVerificationError, "its certificate does not hold"),
    (ssl.SSLError, "TLS failed"),
    (socket.gaierror, "its name is not known"),
    (UnicodeError, "its name is not known"),
    (ConnectionRefusedError, "nobody listens there"),
)


def failure_reason(error: BaseException) -> str:
    """What is behind an error of the HTTP client: the cause that says most, else the error's own kind."""
    behind = list(_causes(error))
    for kind, words in _MEANING:
        if any(isinstance(each, kind) for each in behind):
            return words
    return type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
