"""The connector schema of each dataset type, which all that is configured, checked and reported is taken from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import mock_data
from domain.content import RECORD_KINDS
from domain.model import DatasetType, NameListForm

TEMPLATES = Path(mock_data.__file__).parent / "connectors"


@pytest.mark.parametrize("dataset_type", DatasetType)
def test_one_setting_lists_the_containers(dataset_type: DatasetType) -> None:
    schema = RECORD_KINDS[dataset_type].connector

    assert [name for name, form in schema.config.items() if isinstance(form, NameListForm)] == [
        schema.container_setting
    ]


@pytest.mark.parametrize("dataset_type", DatasetType)
def test_the_setting_that_says_where_the_copies_are_is_in_the_configuration(
    dataset_type: DatasetType,
) -> None:
    schema = RECORD_KINDS[dataset_type].connector

    assert schema.site_setting in schema.config


@pytest.mark.parametrize("dataset_type", DatasetType)
def test_every_setting_of_the_template_has_a_name_that_an_error_may_repeat(dataset_type: DatasetType) -> None:
    config = json.loads((TEMPLATES / f"{dataset_type.value}.json").read_bytes())["config"]
    inner = {name for value in config.values() if isinstance(value, dict) for name in value}
    schema = RECORD_KINDS[dataset_type].connector

    assert schema.setting_names() == {schema.container_setting, *config, *inner}


def test_no_two_types_have_one_label_so_that_no_two_datasets_have_one_name() -> None:
    labels = {each.connector.label.casefold() for each in RECORD_KINDS.values()}

    assert len(labels) == len(DatasetType)
