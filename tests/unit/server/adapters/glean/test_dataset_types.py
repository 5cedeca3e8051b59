"""What the dialects call the documents of each type: no two alike, and each as the embedded sandbox has it."""

from __future__ import annotations

from typing import get_args

import pytest

from domain.model import DatasetType
from server.adapters.glean.admin.dataset_types import ADMIN_TYPES, AUTHENTICATION
from server.adapters.glean.indexing.dataset_types import INDEXING_KINDS, INDEXING_TYPES, OBJECT_TYPES
from server.sandbox.state.content.connectors import CONNECTORS, Connector, ObjectType


@pytest.mark.parametrize("dataset_type", DatasetType)
def test_the_admin_dialect_and_its_sandbox_agree_on_every_type(dataset_type: DatasetType) -> None:
    kind = dataset_type.connector_kind
    rules = {str(name): each for name, each in CONNECTORS.items()}[kind]

    assert rules.object_type == ADMIN_TYPES[dataset_type.value].object_type
    assert rules.authentication == AUTHENTICATION[kind]


def test_the_sandbox_takes_no_connector_and_no_document_that_it_has_no_rules_for() -> None:
    assert set(get_args(Connector)) == set(CONNECTORS)
    assert set(get_args(ObjectType)) == {each.object_type for each in CONNECTORS.values()}


def test_the_indexing_dialect_knows_every_type_by_its_records_and_by_its_connector() -> None:
    assert list(INDEXING_TYPES) == [each.value for each in DatasetType]
    assert list(INDEXING_KINDS) == [each.connector_kind for each in DatasetType]
    assert len({each.casefold() for each in OBJECT_TYPES}) == len(DatasetType)
