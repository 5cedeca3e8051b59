"""What a caller gave, as it goes on record: bounded, printable, and without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

WITHHELD: Final = "[withheld]"
"""What stands for a value that is not kept: a secret, or what was given under a name that nobody knows."""

LONGEST: Final = 200
"""How many characters of a text are kept, where nothing else is said."""

_NAME: Final = 60
_MANY: Final = 20
_DEEP: Final = 3
_HUGE: Final = 1 << 63


def arguments(
    given: Mapping[str, Any], known: Collection[str] | None, secrets: Collection[str]
) -> dict[str, Any]:
    """The arguments of a call. Of those that are not `known` (None: all are) only the names are kept."""
    kept: dict[str, Any] = {}
    for name, value in list(given.items())[:_MANY]:
        shown = text(ascii(name)[1:-1], secrets, _NAME)
        kept[shown] = scrubbed(value, secrets) if known is None or name in known else WITHHELD
    return kept


def scrubbed(value: object, secrets: Collection[str], *, longest: int = LONGEST, depth: int = 0) -> Any:  # noqa: ANN401 - plain JSON, of any kind
    """A plain JSON value without secrets, with long text cut and no more than twenty parts on three levels."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if _harmless(value, secrets) else text(str(value), secrets, longest)
    if isinstance(value, dict | list | tuple):
        return WITHHELD if depth == _DEEP else _parts(value, secrets, longest, depth + 1)
    return text(str(value), secrets, longest)


def text(value: str, secrets: Collection[str], longest: int = LONGEST) -> str:
    """A text, cut where it is too long; all of it is withheld when it holds a secret."""
    if any(secret in value for secret in secrets):
        return WITHHELD
    whole = value.encode("utf-8", "replace").decode()
    return whole if len(whole) <= longest else f"{whole[:longest]}…"


def _harmless(value: float, secrets: Collection[str]) -> bool:
    """Whether a number is no secret, and one that JSON's usual readers can hold."""
    return abs(value) < _HUGE and text(str(value), secrets) != WITHHELD


def _parts(
    value: dict[Any, Any] | list[Any] | tuple[Any, ...], secrets: Collection[str], longest: int, depth: int
) -> dict[str, Any] | list[Any]:
    if isinstance(value, dict):
        return {
            text(str(name), secrets, _NAME): scrubbed(each, secrets, longest=longest, depth=depth)
            for name, each in list(value.items())[:_MANY]
        }
    return [scrubbed(each, secrets, longest=longest, depth=depth) for each in value[:_MANY]]
