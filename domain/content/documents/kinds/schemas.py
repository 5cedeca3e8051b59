"""JSON Schema of records, built from the fields of their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from domain.content.documents.kinds.record_kind import MAX_COUNT, Reads

if TYPE_CHECKING:
    from domain.content.documents.kinds.record_kind import Field, RecordKind

_FILLED: Final = {"minLength": 1, "pattern": r"\S"}
_ADDRESS: Final = r"^\s*([Hh][Tt][Tt][Pp][Ss]?://[^\s/?#\\]\S*)?\s*$"
"""A web address. A blank one is no flaw."""
_NAMES: Final = ("login", "displayName", "name")
_OBJECTS: Final = {
    Reads.PERSON: ("email", "emailAddress", *_NAMES),
    Reads.TEXT: (*_NAMES, "key", "value"),
}
"""The members of which an object needs one to be read as a text or person."""


def build_record_schema(kind: RecordKind) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a kind's records."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.record.__name__,
        "type": "object",
        "properties": {each.name: _describe_field(each) for each in kind.fields},
        "required": [each.name for each in kind.fields if each.required],
    }


def _describe_field(field: Field) -> dict[str, Any]:
    described = _describe_value(field)
    if field.nullable:
        described["type"].append("null")
    if field.must_be_filled:
        described |= _FILLED
    return described


def _describe_value(field: Field) -> dict[str, Any]:
    limits = _describe_limits(field)
    match field.reads:
        case Reads.COUNT:
            return {
                "type": ["integer", "string"],
                "minimum": 0,
                "maximum": MAX_COUNT,
                "pattern": r"^\s*\+?[0-9]{1,15}(\.0*)?\s*$",
            }
        case Reads.INSTANT:
            return {"type": ["string", "number"]}
        case Reads.TEXTS:
            return {
                "type": ["array", "string", "number"],
                "items": {"type": ["string", "number", "null"]},
            }
        case Reads.ID:
            return {"type": ["string", "integer"]} | limits
        case Reads.ADDRESS:
            return {"type": ["string"], "pattern": _ADDRESS}
        case reads:
            members = [{"type": "object", "required": [each]} for each in _OBJECTS[reads]]
            return {
                "type": ["string", "number", "object"],
                "anyOf": [{"not": {"type": "object"}}, *members],
            } | limits


def _describe_limits(field: Field) -> dict[str, Any]:
    return {} if field.longest is None else {"maxLength": field.longest}
