"""Settings errors: what is wrong with a value, as a `SettingsError` that names each key and where it was set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias, get_args

from pydantic import BaseModel

from domain.errors import SettingsError
from domain.model import closest_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


KeyPath: TypeAlias = "tuple[str, ...]"
_PLACEHOLDER: Final = re.compile(r"\$\{")
_NAMED_PLACEHOLDER: Final = re.compile(r"\$\{(?:[a-z]{1,10}:)?[A-Za-z_][A-Za-z0-9_]{0,40}(?::?-)?\}")
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
        if belongs := _find_key(root, path[-1]):
            return path, f"is not a key of this section; {belongs} is", (belongs,)
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


def _find_key(section: type[BaseModel], key: str, above: KeyPath = ()) -> str | None:
    """The one key of that name in any section, with its section; None when there is none, or more than one."""
    found = [".".join((*above, key))] if above and key in section.model_fields else []
    for name, field in section.model_fields.items():
        below = field.annotation
        if (
            isinstance(below, type)
            and _is_section(below)
            and (deeper := _find_key(below, key, (*above, name)))
        ):
            found.append(deeper)
    return found[0] if len(found) == 1 else None


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


def require_replaced(value: str, origin: str, setting: str) -> None:
    """Require that no placeholder such as `${NAME}` is left in the value of a setting; `origin` is what set it.

    Editors and agents replace placeholders in some places of their configuration and not in others, each in a notation
    of its own (`${NAME}`, `${env:NAME}`, `${workspaceFolder}`). Taken as a value, one would be sent to Glean as a key,
    or become the name of a folder. Raises SettingsError, which shows a placeholder that is a name, and nothing else of
    the value: what only begins like one may be a part of a secret.
    """
    if _PLACEHOLDER.search(value):
        named = _NAMED_PLACEHOLDER.search(value)
        shown = f": {named[0]}" if named else " (${)"
        raise SettingsError(
            f"{origin} has a placeholder that nobody replaced{shown}. So {setting} has no value.",
            field=setting,
            suggested_action="Write the value itself, or set the variable where the program that starts this one "
            "passes variables on: it does not replace this placeholder.",
        )


def require_variables_replaced(environ: Mapping[str, str], settings: Mapping[str, str]) -> None:
    """Require the same of each variable that gives a setting; `settings` has their names by variable."""
    for variable, setting in settings.items():
        require_replaced(environ.get(variable, ""), f"The variable {variable}", setting)
