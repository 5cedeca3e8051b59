"""JSON Schema of a template's own records."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import msgspec

from domain.errors import TemplateInvalidError
from domain.model import quote_foreign

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.model import Template


def build_conformity_check(template: Template) -> Callable[[bytes], bool] | None:
    """A check of records by the template's own schema; None when it has none. Raises TemplateInvalidError."""
    if template.schema is None:
        return None
    # Imported here: it takes 4 MB and is needed only where records are made.
    import jsonschema_rs  # noqa: PLC0415

    try:
        validator = jsonschema_rs.validator_for(dict(template.schema), retriever=_refuse_reference)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
        raise TemplateInvalidError(
            f"{quote_foreign(template.source)}: its schema is not a JSON Schema.",
            file=quote_foreign(template.source),
            record_field="schema",
        ) from None

    def conforms(record: bytes) -> bool:
        return validator.is_valid(msgspec.json.decode(record))

    return conforms


def _refuse_reference(address: str) -> NoReturn:
    """Refuse a reference to another document: a template must not make us fetch or read anything."""
    raise ValueError(address)
