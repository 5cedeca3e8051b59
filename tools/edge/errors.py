"""Errors on the wire: one shape for all of them, from every source."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, get_args

from mcp_types import CallToolResult, TextContent
from pydantic_core import to_json

from domain.errors import InvalidArgumentError
from domain.model import closest_names, printable_json

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from domain.errors import LifecycleError

ERROR_META_KEY: Final = "dataset-lifecycle/error"
"""The key of the error in a result's `_meta`, for clients that drop the structured content of errors."""
_EXTRA: Final = "extra_forbidden"
_MAX_NAME_LENGTH: Final = 60


def error_result(error: LifecycleError) -> CallToolResult:
    """Build the result for an error: as text for a model, and in `_meta` for a program."""
    body = printable_json(error.as_dict())
    text = to_json({"error": body}).decode()
    return CallToolResult(content=[TextContent(text=text)], is_error=True, _meta={ERROR_META_KEY: body})


def invalid_arguments_error(error: ValidationError, arguments: type[BaseModel]) -> InvalidArgumentError:
    """Describe what is wrong with a call's arguments, without repeating their values.

    `field` and `candidates` are those of the first problem. An unknown argument comes first: it is probably a misspelt
    required one, which then is reported as missing, too.
    """
    flaws = sorted(error.errors(include_url=False), key=lambda flaw: flaw["type"] != _EXTRA)
    field, candidates = _field_and_candidates(flaws[0], arguments)
    return InvalidArgumentError(
        " ".join(_format_flaw(flaw, arguments) for flaw in flaws), field=field, candidates=candidates
    )


def _field_and_candidates(flaw: ErrorDetails, arguments: type[BaseModel]) -> tuple[str, tuple[str, ...]]:
    field = _argument_name(flaw)
    if flaw["type"] == _EXTRA:
        return field, closest_names(field, arguments.model_fields)
    return field, _enum_values(arguments.model_fields[field].annotation) if flaw["type"] == "enum" else ()


def _format_flaw(flaw: ErrorDetails, arguments: type[BaseModel]) -> str:
    field, candidates = _field_and_candidates(flaw, arguments)
    if flaw["type"] == _EXTRA:
        return f"There is no argument '{field}'; the nearest is '{candidates[0]}'."
    if flaw["type"] == "missing":
        return f"{field} is required."
    if flaw["type"] == "enum":
        return f"{field} must be one of {', '.join(candidates)}."
    if flaw["type"] == "string_pattern_mismatch":
        return f"{field} must be letters, digits, '.', '_' and '-', beginning with a letter or digit."
    return f"{field}: {flaw['msg'][0].lower()}{flaw['msg'][1:]}."


def _argument_name(flaw: ErrorDetails) -> str:
    """The argument's name, shortened and printable, because a caller can make up any name."""
    return ascii(str(flaw["loc"][0]))[1:-1][:_MAX_NAME_LENGTH]


def _enum_values(annotation: object) -> tuple[str, ...]:
    """The values of an enumeration, also of an optional or annotated one."""
    if isinstance(annotation, type):
        return tuple(each.value for each in annotation) if issubclass(annotation, Enum) else ()
    return tuple(value for each in get_args(annotation) for value in _enum_values(each))
