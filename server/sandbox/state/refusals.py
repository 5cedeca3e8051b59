"""What an operation refuses: a code of the API's errors, and what is wrong in words."""

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
"""Every code of the API's errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One field of a request and what is wrong with it."""

    field: str
    problem: str


class RefusedError(Exception):
    """An operation that was not done; nothing was changed."""

    def __init__(
        self,
        code: RefusalCode,
        message: str,
        *,
        details: tuple[Detail, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        """Keep the facts."""
        super().__init__(message)
        self.code: RefusalCode = code
        self.message = message
        self.details = details
        self.headers = headers or {}


def invalid_field_error(field_name: str, problem: str) -> RefusedError:
    """The refusal of one field."""
    return RefusedError(
        "invalid", f"{field_name}: {problem}", details=(Detail(field=field_name, problem=problem),)
    )
