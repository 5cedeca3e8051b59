"""JSON Schema of a template's own records: what keeps a record from fitting it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from domain.content import Fault, parse_members
from domain.errors import TemplateInvalidError
from domain.model import quote_foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jsonschema_rs import ValidationError

    from domain.model import Template


def build_misfit_finder(template: Template) -> Callable[[bytes], Fault | None] | None:
    """A check of records by the template's own schema; None when it has none. Raises TemplateInvalidError."""
    schema = template.schema
    if schema is None:
        return None
    # Imported here: it takes 4 MB and is needed only where records are made.
    import jsonschema_rs  # noqa: PLC0415

    try:
        validator = jsonschema_rs.validator_for(dict(schema), retriever=_refuse_reference)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
        raise TemplateInvalidError(
            f"{quote_foreign(template.source)}: its schema is not a JSON Schema.",
            file=quote_foreign(template.source),
            record_field="schema",
        ) from None

    def find_misfit(record: bytes) -> Fault | None:
        value = parse_members(record)
        if validator.is_valid(value):
            return None
        return _describe_misfit(schema, next(iter(validator.iter_errors(value))))

    return find_misfit


def _describe_misfit(schema: Mapping[str, Any], error: ValidationError) -> Fault:
    """The first error, with the path in the record and the rule of the schema that it breaks."""
    kind = error.kind.as_dict()
    rule, path = error.kind.name, [str(each) for each in error.instance_path]
    missing = kind.get("property")
    unexpected = kind.get("unexpected") or ()
    value = error.instance
    if isinstance(missing, str):
        path, value = [*path, missing], None
    elif unexpected:
        path, value = [*path, str(unexpected[0])], None
    return Fault(
        "schema_conformity",
        quote_foreign(".".join(path) or "record"),
        f"breaks `{rule}` of the template's own schema",
        value,
        quote_foreign(f"{rule}: {json.dumps(_find_rule(schema, error.schema_path))}"),
    )


def _find_rule(schema: Any, path: Sequence[str | int]) -> Any:  # noqa: ANN401 - a schema is any JSON
    """What the schema says at that path; None where the path leads through a reference."""
    for each in path:
        try:
            schema = schema[each]
        except (KeyError, IndexError, TypeError):
            return None
    return schema


def _refuse_reference(address: str) -> NoReturn:
    """Refuse a reference to another document: a template must not make us fetch or read anything."""
    raise ValueError(address)
