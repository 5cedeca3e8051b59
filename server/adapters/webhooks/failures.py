"""Delivery failures in plain words that name no address."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEANING: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ssl.SSLCertVerificationError, "its certificate is not valid"),
    (ssl.SSLError, "TLS failed"),
    (socket.gaierror, "its host name cannot be resolved"),
    (UnicodeError, "its host name cannot be resolved"),
    (ConnectionRefusedError, "nothing listens there"),
)


def failure_reason(error: BaseException) -> str:
    """The reason of an error of the HTTP client: a known cause in words, else the name of the error's class."""
    causes = list(_causes(error))
    for kind, words in _MEANING:
        if any(isinstance(each, kind) for each in causes):
            return words
    return type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
