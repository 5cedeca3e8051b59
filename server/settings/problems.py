"""Settings errors: translate pydantic's errors into a `SettingsError` that names each key and where it was set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from pydantic import BaseModel

from domain.errors import SettingsError
from domain.model import closest_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from server.settings.yaml_file import KeyPath

_SHOWN: Final = 5
_MESSAGES: Final = {
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be more than {gt:g}",
    "less_than_equal": "must be at most {le:g}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "dict_type": "must be a section of keys",
    "model_type": "must be a section of keys",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "too_short": "must name at least one",
    "tuple_type": "must be a list",
}


def settings_error(
    error: ValidationError, root: type[BaseModel], origin: Callable[[KeyPath], str]
) -> SettingsError:
    """One error for all problems; its field is the first key.

    `origin` returns where a key was set. Values are never repeated, since any of them may be a secret.
    """
    problems = [_problem(each, root) for each in error.errors(include_url=False, include_input=False)]
    messages = [f"{origin(path)}{'.'.join(path)} {words}." for path, words, _ in problems]
    path, _, candidates = problems[0]
    return SettingsError(" ".join(messages), field=".".join(path), candidates=candidates)


def _problem(detail: ErrorDetails, root: type[BaseModel]) -> tuple[KeyPath, str, tuple[str, ...]]:
    path = tuple(str(each) for each in detail["loc"] if each != "[key]")
    context = detail.get("ctx", {})
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = _section_keys(root, path[:-1])
        candidates = closest_names(path[-1], known) or tuple(known)[:_SHOWN]
        return path, f"is unknown; the nearest known key is {candidates[0]}", candidates
    if kind == "value_error":
        return path, str(context["error"]), ()
    if kind == "key":
        return (*path, *context["key"].split(".")), detail["msg"], ()
    return (
        path,
        _MESSAGES[kind].format(**context) if kind in _MESSAGES else f"is not valid: {detail['msg']}",
        (),
    )


def _section_keys(root: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys of the section at a path."""
    section: type[BaseModel] = root
    steps = iter(path)
    for step in steps:
        annotation = section.model_fields[step].annotation
        below = [each for each in (annotation, *get_args(annotation)) if _is_section(each)]
        if annotation not in below:
            next(steps)  # the name of a stage or client
        section = below[-1]
    return list(section.model_fields)


def _is_section(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
