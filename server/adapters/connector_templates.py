"""Connector templates: one data file a dataset type, overridden by the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.connectors import merge_settings
from domain.content import DECODE_ERRORS
from domain.errors import SettingsError
from domain.model import decode_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from domain.model import DatasetType, Stage

    Overrides = Callable[[DatasetType, Stage, str], Sequence[Mapping[str, Any]]]


class FileConnectorTemplates:
    """Reads one JSON file a type from `folder`; `overrides` returns the settings that override it, weakest first."""

    def __init__(self, folder: Path, overrides: Overrides = lambda *_: ()) -> None:
        self._folder = folder
        self._overrides = overrides

    def settings(self, dataset_type: DatasetType, stage: Stage, client_id: str) -> Mapping[str, Any]:
        path = self._folder / f"{dataset_type.value}.json"
        try:
            template = decode_json(path.read_bytes(), dict[str, Any])
        except (OSError, *DECODE_ERRORS) as error:
            raise SettingsError(
                f"The connector template {path.name} cannot be read: {error}.",
                field=f"connectors.{dataset_type.value}",
            ) from error
        return merge_settings(template, *self._overrides(dataset_type, stage, client_id))
