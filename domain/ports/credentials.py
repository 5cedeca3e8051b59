"""TODO describe domain.ports.clock.credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.model import DatasetType, Stage


class ConnectorTemplates(Protocol):
    """The connector template of each type, with what the configuration overrides per stage and client."""

    def settings(self, dataset_type: DatasetType, stage: Stage, client_id: str) -> Mapping[str, Any]:
        """`{connector, collect, config}`, merged; validated by `connectors.configure`."""
        ...


class Secrets(Protocol):
    """Credentials for connectors. They live here and nowhere else."""

    def credential(self, dataset_id: str, dataset_type: DatasetType, stage: Stage, client_id: str) -> str:
        """The token that the connector signs in with. Raises SettingsError naming the setting that is missing."""
        ...
