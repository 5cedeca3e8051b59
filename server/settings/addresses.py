"""Validation of configured web addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

# `acme-be` or `be-4f5226e2`. Other hosts below glean.com serve web pages, or another API.
_INSTANCE_HOST: Final = re.compile(r"(?:[a-z0-9-]+-be|be-[a-z0-9-]+)\.glean\.com")
LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def parse_url(value: str, like: str) -> SplitResult:
    """The parts of a complete address; `like` is an example. Raises ValueError that never repeats the address."""
    msg = f"must be an address such as {like}"
    try:
        parts = urlsplit(value)
        # urllib checks the port only when it is read.
        _ = parts.port
    except ValueError:
        raise ValueError(msg) from None
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or re.search(r"[\s\x00-\x1f\x7f\\]", value)
    ):
        raise ValueError(msg)
    return parts


def require_encryption(parts: SplitResult) -> None:
    """Check that requests to the address are encrypted, or stay on this machine. Raises ValueError."""
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError("must begin with https:// (http:// is allowed for this machine only)")


def validate_web_url(value: str, like: str) -> str:
    """Check that an address contains no user, password or fragment, and is encrypted. Raises ValueError."""
    parts = parse_url(value, like)
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("must not contain a user, a password or a fragment")
    require_encryption(parts)
    return value


def normalize_glean_url(value: str) -> str:
    """The address of a Glean, without a trailing slash. Raises ValueError that never repeats the address."""
    parts = parse_url(value, "https://api.glean.com")
    if "@" in parts.netloc:
        raise ValueError("must not contain a user or password; the key belongs in glean.api_key")
    if parts.query or parts.fragment:
        raise ValueError("must end with its host, port or path, without a query or fragment")
    require_encryption(parts)
    return value.rstrip("/")


def normalize_instance_url(value: str) -> str:
    """The address of one company's Glean, for the Indexing dialect. Raises ValueError that never repeats it."""
    parts = parse_url(value, "https://acme-be.glean.com")
    if parts.path.rstrip("/"):
        raise ValueError(
            "must end with its host or port, because the path of the Indexing API is appended to it"
        )
    host = (parts.hostname or "").casefold()
    if host == "glean.com" or (host.endswith(".glean.com") and not _INSTANCE_HOST.fullmatch(host)):
        raise ValueError(
            "is not the server of an instance, which has an address such as https://acme-be.glean.com "
            '(Glean shows it at app.glean.com/admin/about-glean as "Server instance")'
        )
    return normalize_glean_url(value)
