"""What the page says of the dataset that a datasource serves, as far as the data folder knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias


class ServedDataset(NamedTuple):
    """Dataset of a datasource: its client, and the golden questions of its template."""

    client: str
    questions: tuple[str, ...] = ()


DatasetLookup: TypeAlias = Callable[[], Mapping[str, ServedDataset]]
"""Looks up the datasets by the platform's handle of their connectors: the id of a datasource, or its name."""


def no_datasets() -> Mapping[str, ServedDataset]:
    """The look-up of a sandbox without a data folder: nothing is known."""
    return {}
