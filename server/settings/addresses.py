"""What every address on the web that is set has to be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

# `acme-be` or `be-4f5226e2`; what else is below glean.com are pages for people, and an API of another kind.
_INSTANCE_HOST: Final = re.compile(r"(?:[a-z0-9-]+-be|be-[a-z0-9-]+)\.glean\.com")
LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def parse_url(value: str, like: str) -> SplitResult:
    """The parts of an address that is whole; `like` is one for an example. Raises ValueError, never repeating it."""
    msg = f"must be an address such as {like}"
    try:
        parts = urlsplit(value)
        # Reading the port is what checks it.
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
    """Raises ValueError when what is sent there could be read on the way."""
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError("must begin with https:// (http:// is for this machine only)")


def validate_web_url(value: str, like: str) -> str:
    """An address to which nothing is added that a person keeps to themselves. Raises ValueError."""
    parts = parse_url(value, like)
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("must not hold a user, a password or a fragment")
    require_encryption(parts)
    return value


def normalize_glean_url(value: str) -> str:
    """The address of a Glean, without a slash at its end. Raises ValueError saying what is wrong, never the address."""
    parts = parse_url(value, "https://api.glean.com")
    if "@" in parts.netloc:
        raise ValueError("must not contain a user or password; the key belongs into glean.api_key")
    if parts.query or parts.fragment:
        raise ValueError("must end with its host, port or path, without a query or fragment")
    require_encryption(parts)
    return value.rstrip("/")


def normalize_instance_url(value: str) -> str:
    """The address of one company's Glean, as the Indexing dialect wants it. Raises ValueError, never repeating it."""
    parts = parse_url(value, "https://acme-be.glean.com")
    if parts.path.rstrip("/"):
        raise ValueError("must end with its host or port: the path of the Indexing API is added to it")
    host = (parts.hostname or "").casefold()
    if host == "glean.com" or (host.endswith(".glean.com") and not _INSTANCE_HOST.fullmatch(host)):
        raise ValueError(
            "is no instance's server, which has an address of its own such as https://acme-be.glean.com "
            '(Glean tells it at app.glean.com/admin/about-glean as "Server instance")'
        )
    return normalize_glean_url(value)
