"""The template's own schema: a misfit names the path, the rule and the value."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from domain.content import Fault
from server.adapters.templates.schemas import build_misfit_finder
from tests.support.content.records import template

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["severity"],
    "properties": {
        "severity": {"enum": ["High", "Low"]},
        "labels": {"type": "array", "items": {"$ref": "#/$defs/label"}},
    },
    "additionalProperties": False,
    "$defs": {"label": {"type": "string", "maxLength": 3}},
}


def find_misfit(record: dict[str, Any]) -> Fault | None:
    find = build_misfit_finder(template(schema=SCHEMA))
    assert find is not None
    return find(msgspec.json.encode(record))


@pytest.mark.parametrize(
    ("record", "field", "rule", "value", "expected"),
    [
        ({}, "severity", "required", None, "\"required: ['severity']\""),
        (
            {"severity": "Low", "Do this": 1},
            '"Do this"',
            "additionalProperties",
            None,
            '"additionalProperties: false"',
        ),
        ({"severity": "Medium"}, "severity", "enum", "Medium", "\"enum: ['High', 'Low']\""),
        ({"severity": "Low", "labels": ["long"]}, "labels.0", "maxLength", "long", '"maxLength: 3"'),
    ],
)
def test_a_misfit_names_path_rule_and_value(
    record: dict[str, Any], field: str, rule: str, value: object, expected: str
) -> None:
    assert find_misfit(record) == Fault(
        "schema_conformity", field, f"breaks `{rule}` of the template's own schema", value, expected
    )


def test_a_record_that_fits_has_no_misfit() -> None:
    assert find_misfit({"severity": "Low"}) is None


def test_a_number_of_too_many_digits_is_judged_as_its_text() -> None:
    find = build_misfit_finder(template(schema={"properties": {"severity": {"type": "string"}}}))

    assert find is not None
    assert find(b'{"severity": %s}' % (b"9" * 5000)) is None


def test_a_template_without_a_schema_has_nothing_to_fit() -> None:
    assert build_misfit_finder(template()) is None
