"""Errors on the wire: one shape for all of them, from every source."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, get_args

from mcp_types import CallToolResult, TextContent
from pydantic_core import to_json

from domain.errors import InvalidArgumentError, Recovery
from domain.model import closest_names, printable_json, same_names
from tools.edge.arguments import OTHER_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from domain.errors import LifecycleError

ERROR_META_KEY: Final = "dataset-lifecycle/error"
"""The key of the error in a result's `_meta`, for clients that drop the structured content of errors."""
_EXTRA: Final = "extra_forbidden"
MAX_NAME_LENGTH: Final = 60
"""How much of a name that a caller made up is shown."""
_NOTATIONS: Final = {
    "int_type": "a whole number, such as 10",
    "float_type": "a number, such as 10",
    "finite_number": "a number, such as 10",
    "bool_type": "true or false",
    "string_type": "one text, in quotes",
}
"""How a value of another type is to be given, by the kind of flaw."""
_UNMEANT: Final = "Do not repeat the call without it: ask a person what was meant."


def error_result(error: LifecycleError) -> CallToolResult:
    """Build the result for an error: as a sentence and as JSON for a model, and in `_meta` for a program.

    The sentence comes first: a host that finds JSON in the first block takes it for the structured content of an
    answer, rejects that, and shows the model nothing.
    """
    body = printable_json(error.as_dict())
    texts = (_format_sentence(body), to_json({"error": body}).decode())
    return CallToolResult(
        content=[TextContent(text=each) for each in texts], is_error=True, _meta={ERROR_META_KEY: body}
    )


def _format_sentence(body: Mapping[str, Any]) -> str:
    """What was refused and why, and what to do: what clears each check that blocks it, or else the suggestion."""
    clears = [each["clears"] for each in body.get("blocking_checks", ())]
    actions = clears or [body.get("suggested_action", "")]
    return " ".join([body["message"], *dict.fromkeys(actions)]).strip()


def invalid_arguments_error(
    error: ValidationError, arguments: type[BaseModel], *, destructive: bool = False
) -> InvalidArgumentError:
    """Describe what is wrong with a call's arguments, without repeating their values.

    `field`, `candidates` and what to do are those of the first problem. An unknown argument comes first: it is probably
    a misspelt required one, which then is reported as missing, too. Nobody is told to leave an unknown argument of a
    `destructive` tool out: it may have been meant to prevent something.
    """
    flaws = sorted(error.errors(include_url=False), key=lambda flaw: flaw["type"] != _EXTRA)
    field, candidates = _field_and_candidates(flaws[0], arguments)
    return InvalidArgumentError(
        " ".join(_format_flaw(flaw, arguments) for flaw in flaws),
        field=field,
        candidates=candidates,
        recovery=Recovery.NEEDS_HUMAN
        if destructive and flaws[0]["type"] == _EXTRA and not candidates
        else None,
        suggested_action=_suggest_action(flaws[0], arguments, candidates, destructive=destructive),
    )


def _field_and_candidates(flaw: ErrorDetails, arguments: type[BaseModel]) -> tuple[str, tuple[str, ...]]:
    field = _argument_name(flaw)
    if flaw["type"] == _EXTRA:
        return field, _closest_arguments(field, arguments)
    values = _enum_values(arguments.model_fields[field].annotation)
    if flaw["type"] == "missing" or flaw["input"] is None:
        return field, values
    given = flaw["input"]
    return field, closest_names(given, values) if isinstance(given, str) else values


def _closest_arguments(field: str, arguments: type[BaseModel]) -> tuple[str, ...]:
    known = arguments.model_fields
    return same_names(field, known, OTHER_NAMES) or closest_names(field, known)


def _format_flaw(flaw: ErrorDetails, arguments: type[BaseModel]) -> str:
    field, candidates = _field_and_candidates(flaw, arguments)
    if flaw["type"] == _EXTRA:
        nearest = f"; the nearest is '{candidates[0]}'" if candidates else ""
        return f"There is no argument '{field}'{nearest}."
    if flaw["type"] == "missing":
        return f"{field} is required."
    if flaw["type"] == "enum":
        return f"{field} must be one of {', '.join(_enum_values(arguments.model_fields[field].annotation))}."
    if flaw["type"] == "string_pattern_mismatch":
        return f"{field} must be letters, digits, '.', '_' and '-', beginning with a letter or digit."
    return f"{field}: {flaw['msg'][0].lower()}{flaw['msg'][1:]}."


def _suggest_action(
    flaw: ErrorDetails, arguments: type[BaseModel], candidates: tuple[str, ...], *, destructive: bool
) -> str | None:
    """What to do about a flaw, with the argument as it is to be given where that is certain; None for the usual."""
    field = _argument_name(flaw)
    if flaw["type"] == _EXTRA:
        unmeant = _UNMEANT if destructive else f'Leave out "{field}".'
        return f'Use "{candidates[0]}" instead of "{field}".' if candidates else unmeant
    if flaw["type"] == "missing" or flaw["input"] is None:
        return f'Add "{field}".'
    known = arguments.model_fields[field]
    if flaw["type"] == "enum":
        values = ", ".join(_enum_values(known.annotation))
        return f'Give the value of "{field}" that was meant: one of {values}.'
    return _suggest_value(flaw, field, required=known.is_required())


def _suggest_value(flaw: ErrorDetails, field: str, *, required: bool) -> str | None:
    kind = flaw["type"]
    if kind == "less_than_equal":
        return f'Give "{field}": {flaw["ctx"]["le"]:g}, or less.'
    if kind in _NOTATIONS:
        return f'Give "{field}" as {_NOTATIONS[kind]}.'
    if not required and kind in {"greater_than_equal", "string_too_short"}:
        return f'Leave out "{field}", or correct it, and call again.'
    return None


def _argument_name(flaw: ErrorDetails) -> str:
    """The argument's name, shortened and printable, because a caller can make up any name."""
    return ascii(str(flaw["loc"][0]))[1:-1][:MAX_NAME_LENGTH]


def _enum_values(annotation: object) -> tuple[str, ...]:
    """The values of an enumeration, also of an optional or annotated one."""
    if isinstance(annotation, type):
        return tuple(each.value for each in annotation) if issubclass(annotation, Enum) else ()
    return tuple(value for each in get_args(annotation) for value in _enum_values(each))
