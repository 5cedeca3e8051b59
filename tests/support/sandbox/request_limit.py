"""Requests as such: how many of each kind there were, and the optional limit on how many a second are let in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from server.sandbox.state.refusals import RefusedError
from server.sandbox.state.state import load_setting, store_setting

if TYPE_CHECKING:
    import sqlite3

_LIMIT: Final = "rate_limit"
_BUCKET: Final = "rate_bucket"


def count_request(connection: sqlite3.Connection, operation: str, status: int) -> None:
    """Count one request by operation and the status that was sent, 0 for none."""
    connection.execute(
        "INSERT INTO request (operation, status, count) VALUES (?, ?, 1)"
        " ON CONFLICT (operation, status) DO UPDATE SET count = count + 1",
        (operation, status),
    )


def load_request_counts(connection: sqlite3.Connection) -> dict[tuple[str, int], int]:
    """The number of requests by (operation, status)."""
    return {
        (row["operation"], row["status"]): row["count"] for row in connection.execute("SELECT * FROM request")
    }


def set_request_limit(
    connection: sqlite3.Connection, per_second: float | None, retry_after: int | str | None
) -> None:
    """Allow so many requests a second (a burst of as many, at least one), or any number with None."""
    store_setting(connection, _LIMIT, None if per_second is None else [per_second, retry_after])
    store_setting(connection, _BUCKET, None)


def has_request_limit(connection: sqlite3.Connection) -> bool:
    """Whether there is a limit."""
    return load_setting(connection, _LIMIT, None) is not None


def enforce_request_limit(connection: sqlite3.Connection, now: float) -> None:
    """Take a token from the bucket that all processes share.

    Raises:
        RefusedError: `rate_limited`, with `Retry-After` where the limit has one.
    """
    allowed = load_setting(connection, _LIMIT, None)
    if allowed is None:
        return
    per_second, retry_after = allowed
    size = max(1.0, per_second)
    tokens, at = load_setting(connection, _BUCKET, None) or (size, now)
    tokens = min(size, tokens + max(0.0, now - at) * per_second)
    if tokens < 1:
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        raise RefusedError("rate_limited", f"more than {per_second:g} requests a second", headers=headers)
    store_setting(connection, _BUCKET, [tokens - 1, now])
