"""Refusals: the error code and the message with which an operation refuses a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

RefusalCode: TypeAlias = Literal[
    "unauthenticated",
    "permission_denied",
    "not_found",
    "no_such_route",
    "method_not_allowed",
    "already_exists",
    "sync_running",
    "too_large",
    "invalid",
    "rate_limited",
    "internal",
    "unavailable",
]
"""Every error code of the APIs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One invalid field of a request and its problem."""

    field: str
    problem: str


class RefusedError(Exception):
    """The operation was refused and changed nothing."""

    def __init__(
        self,
        code: RefusalCode,
        message: str,
        *,
        details: tuple[Detail, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        """Refuse with a code and a message; `headers` are sent with the response."""
        super().__init__(message)
        self.code: RefusalCode = code
        self.message = message
        self.details = details
        self.headers = headers or {}


def invalid_field_error(field_name: str, problem: str) -> RefusedError:
    """The refusal `invalid` of one field."""
    return RefusedError(
        "invalid", f"{field_name}: {problem}", details=(Detail(field=field_name, problem=problem),)
    )
