"""Every place that a new dataset type must reach, and the file to edit where it does not.

The files are searched as text. A module that is missing cannot be imported, and so could not say what it lacks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import pytest

from domain.model.enums import DatasetType

CHECKOUT: Final = Path(__file__).parents[2]


class Place(NamedTuple):
    """A file, the text by which it knows a type, and what is to be written there."""

    path: str
    text: str
    needs: str


PLACES: Final = (
    Place(
        "domain/content/documents/{value}.py",
        "\nKIND: Final = RecordKind(",
        "is to define KIND: the record, the document that is made of it, and the connector's schema",
    ),
    Place(
        "server/adapters/glean/admin/dataset_types.py",
        "case DatasetType.{name}:",
        "is to say what the Admin dialect calls its documents, and how its connector signs in",
    ),
    Place(
        "server/adapters/glean/indexing/dataset_types.py",
        "case DatasetType.{name}:",
        "is to say what Glean takes its datasource, documents and containers for",
    ),
    Place(
        "mock_data/connectors/{value}.json",
        '"connector": "{kind}"',
        "is to be the connector template: `connector`, `collect` and `config`",
    ),
    Place(
        "server/sandbox/state/content/connectors.py",
        '"{kind}": ConnectorRules(',
        "is to have its connector's configuration, or the embedded sandbox refuses it (Admin dialect)",
    ),
    Place(
        "server/adapters/templates/new_template.py",
        'DatasetType.{name}: """',
        "is to have examples of its records, with which a new template begins",
    ),
    Place(
        "tests/support/content/records.py",
        "DatasetType.{name}: {{",
        "is to have a record that is right in every respect, for the tests of every type",
    ),
    Place(
        "tests/support/sandbox/example_configs.py",
        '"{kind}": {{',
        "is to have a configuration as a person would make it, for the tests of the sandbox",
    ),
    Place(
        "tests/unit/domain/connectors/test_config_and_drift.py",
        "DatasetType.{name}: [",
        "is to have containers of its records, for the tests of its connector's schema",
    ),
    Place("docs/mock-data.md", "| `{value}` |", "is to list the fields of its records"),
    Place("docs/glean-admin-api.md", "| `{kind}` |", "is to list its connector's configuration"),
)


@pytest.mark.parametrize("place", PLACES, ids=lambda each: each.path)
@pytest.mark.parametrize("dataset_type", DatasetType)
def test_every_place_that_needs_a_dataset_type_has_it(dataset_type: DatasetType, place: Place) -> None:
    names = {"name": dataset_type.name, "value": dataset_type.value, "kind": dataset_type.connector_kind}
    path = place.path.format(**names)
    text = place.text.format(**names)
    file = CHECKOUT / path

    assert file.is_file(), f"{path} is missing; for {dataset_type.value}, it {place.needs}."
    assert text in file.read_text(), (
        f"{path} has no {text.strip()!r}; for {dataset_type.value}, it {place.needs}."
    )


def test_a_template_of_a_connector_is_that_of_a_type() -> None:
    templates = {each.stem for each in (CHECKOUT / "mock_data" / "connectors").glob("*.json")}

    assert templates == {each.value for each in DatasetType}


def test_no_two_types_have_one_kind_of_connector() -> None:
    kinds = [each.connector_kind for each in DatasetType]

    assert len(set(kinds)) == len(kinds), (
        "domain/model/enums.py: the first words of two dataset types are the same."
    )
