"""Redaction: what callers send is bounded, made printable, and stripped of secrets before it is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from domain.model import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

REDACTED: Final = "[withheld]"
"""Replaces a value that is not recorded: a secret, or the value of an unknown argument."""
MAX_TEXT_LENGTH: Final = 200
"""How many characters of a text are recorded by default."""
_NAME: Final = 60
_MANY: Final = 20
_DEEP: Final = 3
_HUGE: Final = 1 << 63


def redact_arguments(
    given: Mapping[str, Any], known: Collection[str] | None, secrets: Collection[str]
) -> dict[str, Any]:
    """Redact the arguments of a call. Of arguments that are not `known` (None: all are), only the names are kept."""
    redacted: dict[str, Any] = {}
    for name, value in list(given.items())[:_MANY]:
        label = redact_text(ascii(name)[1:-1], secrets, _NAME)
        redacted[label] = redact(value, secrets) if known is None or name in known else REDACTED
    return redacted


# It returns Any, because plain JSON may be of any kind.
def redact(value: object, secrets: Collection[str], *, longest: int = MAX_TEXT_LENGTH, depth: int = 0) -> Any:  # noqa: ANN401
    """Redact a JSON value: no secrets, long text cut, at most twenty parts on each of three levels."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if _is_safe_number(value, secrets) else redact_text(str(value), secrets, longest)
    if isinstance(value, dict | list | tuple):
        return REDACTED if depth == _DEEP else _redact_parts(value, secrets, longest, depth + 1)
    return redact_text(str(value), secrets, longest)


def redact_text(value: str, secrets: Collection[str], longest: int = MAX_TEXT_LENGTH) -> str:
    """Redact a text: made printable, cut when it is too long, and withheld as a whole when it holds a secret."""
    if any(secret in value for secret in secrets):
        return REDACTED
    return printable(value, longest)


def _is_safe_number(value: float, secrets: Collection[str]) -> bool:
    """Whether a number holds no secret, and is small enough for the usual JSON parsers."""
    return abs(value) < _HUGE and redact_text(str(value), secrets) != REDACTED


def _redact_parts(
    value: dict[Any, Any] | list[Any] | tuple[Any, ...], secrets: Collection[str], longest: int, depth: int
) -> dict[str, Any] | list[Any]:
    if isinstance(value, dict):
        return {
            redact_text(str(name), secrets, _NAME): redact(each, secrets, longest=longest, depth=depth)
            for name, each in list(value.items())[:_MANY]
        }
    return [redact(each, secrets, longest=longest, depth=depth) for each in value[:_MANY]]
